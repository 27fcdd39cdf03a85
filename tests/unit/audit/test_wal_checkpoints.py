"""The write-ahead log is copied into the database file after a number of commits, beside them."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from policyd.audit.store import Store, open_store
from policyd.audit.wal_checkpoints import COMMITS, WalCheckpoints


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.db"


def events_in(file: Path, tmp_path: Path) -> int:
    """Return how many events the database file has without its write-ahead log."""
    alone = tmp_path / "alone.db"
    alone.write_bytes(file.read_bytes())
    with closing(sqlite3.connect(f"file:{alone}?immutable=1", uri=True)) as connection:
        (number,) = connection.execute("SELECT count(*) FROM events").fetchone()
    return int(number)


def append(store: Store, number: int) -> None:
    for _ in range(number):
        store.append_event("stop", {"version": "1"}, now=1)


def test_events_are_in_the_database_file_after_a_number_of_commits(
    path: Path, tmp_path: Path
) -> None:
    with closing(open_store(str(path))) as migrated:
        append(migrated, 1)
    with closing(open_store(str(path))) as store:
        append(store, COMMITS - 1)
        assert events_in(path, tmp_path) == 1

        append(store, 1)
        checkpoints = store.database._checkpoints
        assert checkpoints is not None
        checkpoints.close()

        assert events_in(path, tmp_path) == COMMITS + 1
        assert len(store.events(limit=1_000)) == COMMITS + 1


def test_one_checkpoint_runs_at_a_time(path: Path) -> None:
    checkpoints = WalCheckpoints(str(path), lambda: None)
    with checkpoints._running:
        for _ in range(3 * COMMITS):
            checkpoints.committed()
        assert checkpoints._commits == 3 * COMMITS

    checkpoints.committed()

    assert checkpoints._commits == 0


def test_a_checkpoint_creates_no_file_and_does_not_end_a_commit(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints = WalCheckpoints(str(path), lambda: None)
    for _ in range(COMMITS):
        checkpoints.committed()
    checkpoints.close()

    assert not path.exists()
    assert "write-ahead log not copied" in capsys.readouterr().out


def test_a_backup_in_the_place_of_the_database_gets_nothing_of_its_log(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(open_store(str(path))) as store:
        append(store, 1)
        backup = tmp_path / "backup.db"
        with closing(sqlite3.connect(backup)) as copy, closing(sqlite3.connect(path)) as whole:
            whole.backup(copy)
        append(store, 5)
        before = backup.read_bytes()
        backup.replace(path)
        checkpoints = store.database._checkpoints
        assert checkpoints is not None

        for _ in range(COMMITS):
            checkpoints.committed()
        checkpoints.close()

        assert path.read_bytes() == before
    assert "was deleted or replaced while it was open" in capsys.readouterr().out


def test_the_name_of_the_database_may_have_any_bytes(tmp_path: Path) -> None:
    path = Path(os.fsdecode(bytes(tmp_path) + b"/100%?#\xff.db"))
    with closing(open_store(str(path))) as store:
        append(store, COMMITS)
        checkpoints = store.database._checkpoints
        assert checkpoints is not None
        checkpoints.close()

        assert events_in(path, tmp_path) > 0
