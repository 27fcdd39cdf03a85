from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from policyd.audit import file_lock as module
from policyd.audit.file_lock import file_lock

HOLDER = """
import sys
from policyd.audit.file_lock import file_lock
with file_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_is_a_file_of_its_owner_and_can_be_taken_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.db.lock"

    for _ in range(2):
        with file_lock(str(path)):
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_the_lock_is_released_by_an_error(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")

    with pytest.raises(ValueError, match=r"^mine$"), file_lock(path):
        raise ValueError("mine")
    with file_lock(path):
        pass


@pytest.mark.thorough
def test_another_process_is_waited_for_and_named_when_it_does_not_release_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "lock")
    monkeypatch.setattr(module, "TIMEOUT", 0.0)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(TimeoutError) as refused, file_lock(path):
            pass
        assert holder.stdin
        holder.stdin.close()
        holder.wait()

    assert str(refused.value) == f"{path} is locked by another process"
    with file_lock(path):
        pass


@pytest.mark.thorough
def test_a_process_that_was_forked_meanwhile_does_not_keep_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "lock")
    monkeypatch.setattr(module, "TIMEOUT", 0.0)
    reader, writer = os.pipe()
    with file_lock(path):
        child = os.fork()
        if not child:
            os.close(writer)
            os.read(reader, 1)
            os._exit(0)
    try:
        with file_lock(path):
            pass
    finally:
        os.close(writer)
        os.close(reader)
        os.waitpid(child, 0)


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), file_lock(str(tmp_path / "no" / "lock")):
        pass
