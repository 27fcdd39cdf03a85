from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing

import pytest

from policyd.audit.backup import back_up, restore
from policyd.audit.database import open_for_reading
from policyd.audit.store import open_store
from policyd.errors import AuditError


@pytest.fixture
def copy(store, record, tmp_path) -> str:
    """A backup of a log of two events."""
    record("d1")
    record("d2")
    path = str(tmp_path / "copy.db")
    assert back_up(store.database, path) == (2, store.decisions(1)[0].hash)
    return path


def test_a_backup_is_the_log_in_one_file_of_its_owner(store, record, copy) -> None:
    record("d3")

    assert stat.S_IMODE(os.stat(copy).st_mode) == 0o600
    assert not os.path.exists(f"{copy}-wal")
    os.chmod(copy, 0o400)
    database = open_for_reading(copy)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM events").scalar() == 2
    database.close()
    assert [row.sequence for row in store.decisions()] == [3, 2, 1]


def test_a_restored_log_goes_on(copy, tmp_path, decided) -> None:
    database = open_for_reading(copy)
    path = str(tmp_path / "new.db")
    restore(database, path)
    database.close()

    opened = open_store(path, create=False)
    opened.append_decision(*decided("d9"))
    assert [opened.verify().events, opened.verify().problems] == [3, ()]
    opened.close()


def test_nothing_is_overwritten(store, copy, path) -> None:
    with pytest.raises(AuditError) as caught:
        back_up(store.database, copy)
    assert str(caught.value) == f"{copy} exists: name a new file"
    database = open_for_reading(copy)
    with pytest.raises(AuditError, match="stop policyd and move the old log away"):
        restore(database, path)
    database.close()
    with pytest.raises(AuditError, match="cannot create the file: No such file or directory"):
        back_up(store.database, f"{os.path.dirname(copy)}/none/x")


def test_a_changed_backup_is_not_restored(copy, tmp_path) -> None:
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE heads SET sequence = 7")
    database = open_for_reading(copy)

    with pytest.raises(AuditError, match="is not restored: event 2: is the last event"):
        restore(database, str(tmp_path / "new.db"))
    database.close()
    assert not os.path.exists(tmp_path / "new.db")
