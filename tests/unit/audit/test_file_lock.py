from __future__ import annotations

import fcntl
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
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "lock")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(TimeoutError) as refused, file_lock(path, 0.0):
            pass
        assert holder.stdin
        holder.stdin.close()
        holder.wait()

    assert str(refused.value) == f"{path} is locked by another process"
    with file_lock(path):
        pass


@pytest.mark.thorough
def test_a_process_that_was_forked_meanwhile_does_not_keep_the_lock(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "lock")
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


class Clock:
    """A clock that only sleeping moves, and the pauses that were slept."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return sum(self.pauses)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


def test_the_longer_the_lock_is_waited_for_the_fewer_attempts_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, clock = tmp_path / "lock", Clock()
    monkeypatch.setattr(module, "time", clock)
    with path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        with pytest.raises(TimeoutError), file_lock(str(path)):
            pass

    assert clock.pauses[:9] == [0.0005] * 9
    assert clock.pauses[9] == pytest.approx(0.0045 / 8)
    assert clock.monotonic() == pytest.approx(10.6, abs=0.7)
    assert len(clock.pauses) == 75


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), file_lock(str(tmp_path / "no" / "lock")):
        pass
