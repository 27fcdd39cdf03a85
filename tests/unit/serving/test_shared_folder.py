"""The folder of a server survives its removal, and does not survive the server."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from policyd.errors import ConfigError
from policyd.serving.shared_folder import PREFIX, SharedFolder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary folders are created."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_it_exists_for_its_user_only_until_it_is_closed() -> None:
    shared = SharedFolder()
    (shared.path / "file").write_text("x")

    assert stat.S_IMODE(os.stat(shared.path).st_mode) == 0o700
    assert shared.restore() is False
    shared.close()
    assert not shared.path.exists()


def test_a_folder_that_was_removed_is_created_again_and_locked() -> None:
    shared = SharedFolder()
    shutil.rmtree(shared.path)

    assert shared.restore() is True
    assert stat.S_IMODE(os.stat(shared.path).st_mode) == 0o700
    other = SharedFolder()
    assert shared.path.is_dir()
    for each in (shared, other):
        each.close()


def test_the_folder_of_a_killed_server_is_removed_and_that_of_a_living_one_stays(
    temporary: Path,
) -> None:
    living = SharedFolder()
    (temporary / f"{PREFIX}killed").mkdir()
    (temporary / f"{PREFIX}killed" / "counter_1.db").write_text("x")
    (temporary / "policyd-other").mkdir()
    (temporary / f"{PREFIX}link").symlink_to(temporary / "policyd-other")

    started = SharedFolder()

    assert sorted(path.name for path in temporary.iterdir()) == sorted(
        [living.path.name, started.path.name, "policyd-other", f"{PREFIX}link"]
    )
    living.close()
    started.close()


def test_a_folder_of_somebody_else_is_not_used() -> None:
    shared = SharedFolder()
    path = shared.path
    shutil.rmtree(path)
    path.symlink_to(path.parent)

    with pytest.raises(FileExistsError):
        shared.restore()

    path.unlink()
    shared.close()


def test_a_folder_that_cannot_be_created_is_an_error_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")

    with pytest.raises(ConfigError, match=r"^a temporary folder cannot be created: "):
        SharedFolder()
