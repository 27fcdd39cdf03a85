from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from policyd.audit import connecting
from policyd.audit import file_lock as locks
from policyd.audit.database import open_database, open_for_reading
from policyd.audit.event import event_of
from policyd.audit.file_lock import file_lock
from policyd.audit.store import Store, open_store
from policyd.audit.tables import REVISION, metadata
from policyd.deadline import within
from policyd.errors import AuditError
from tests.support.cases import cases
from tests.unit.audit.conftest import pair


def sql(path: str, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET allowed = 1",
        "UPDATE events SET payload = 'x'",
        "UPDATE events SET payload = '', host = 'gpu-02'",
        "UPDATE events SET sequence = 9 WHERE sequence = 1",
        "DELETE FROM events",
        "DELETE FROM events WHERE sequence = 2",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE sequence = 2",
        "REPLACE INTO events SELECT 3, time, kind, 'x', prev_hash, hash, decision_id, allowed,"
        " enforcement_point, repository, commit_id, environment, project, policies, host, username"
        " FROM events WHERE sequence = 1",
        "INSERT INTO events SELECT 4, time, kind, 'x', prev_hash, hash, 'new', allowed,"
        " enforcement_point, repository, commit_id, environment, project, policies, host, username"
        " FROM events WHERE sequence = 1",
    ],
)
def test_the_database_refuses_to_change_remove_replace_or_skip_events(
    store, path, record, statement
):
    record("d1")
    record("d2")

    with pytest.raises(sqlite3.IntegrityError, match="events is append-only"):
        sql(path, statement)
    assert store.verify().problems == ()


def test_the_migrations_make_the_tables_of_the_schema(store):
    with store._here().database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_schema_names_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", "policyd.audit:migrations")

    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_a_database_of_another_version_is_refused(store, path):
    sql(path, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(AuditError) as caught:
        open_store(path)
    assert str(caught.value) == (
        f"the audit log {path} was written by another version of policyd:"
        " Can't locate revision identified by '9999'"
    )


@pytest.mark.parametrize("prefix", ["", "sqlite:///"])
def test_a_path_and_a_url_name_the_same_log(path, prefix):
    opened = open_store(prefix + path)

    assert opened.name == path
    opened.close()


def test_a_log_that_is_not_there_is_an_error_unless_it_may_be_made(path):
    with pytest.raises(AuditError) as caught:
        open_store(path, create=False)
    assert str(caught.value) == f"there is no audit log at {path}"


def test_what_is_no_database_is_an_error_with_path_and_reason(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    text = tmp_path / "notes.txt"
    text.write_text("not a database " * 100)

    for url, reason in [
        (str(folder), f"the audit log {folder} cannot be opened: Is a directory"),
        (f"{text}/a.db", f"the audit log {text}/a.db cannot be opened: Not a directory"),
        (str(text), f"the audit log {text} cannot be read: file is not a database"),
    ]:
        with pytest.raises(AuditError) as caught:
            open_store(url)
        assert str(caught.value) == reason


@cases(
    ("url", "message"),
    [
        ("sqlite://", "the URL of the audit log has no file; use sqlite:///path/of/audit.db"),
        (
            "sqlite:///:memory:",
            "the URL of the audit log has no file; use sqlite:///path/of/audit.db",
        ),
        (
            "mysql://u:secret@db/audit",
            "the URL of the audit log starts with 'mysql'; supported are sqlite and postgresql",
        ),
        ("http://[::1/x", "the URL of the audit log is malformed"),
    ],
)
def test_a_url_that_names_no_log_is_an_error(url, message):
    with pytest.raises(AuditError) as caught:
        open_store(url)
    assert str(caught.value) == message


def test_a_missing_driver_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(AuditError) as caught:
        open_database("postgresql://u:secret@db/audit", create=True)
    assert str(caught.value) == (
        "the driver of the audit log postgresql://u:***@db/audit is missing: import of psycopg "
        "halted; None in sys.modules; pip install 'policyd[postgres]' installs the one of "
        "PostgreSQL"
    )


def test_an_error_never_shows_the_password(monkeypatch):
    with pytest.raises(AuditError) as caught:
        open_store("postgresql://policyd:hunter2@127.0.0.1:1/audit?connect_timeout=1")

    assert "hunter2" not in str(caught.value)
    assert "the audit log postgresql://policyd:***@127.0.0.1:1/audit" in str(caught.value)


def test_a_failed_transaction_writes_nothing(path):
    database = open_database(path, create=True)
    database.migrate()

    def fail_half_way() -> None:
        with database.writing() as connection:
            connection.exec_driver_sql("UPDATE heads SET sequence = 5")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT sequence FROM heads").scalar() == 0
    database.close()


def test_a_writer_holds_the_database_from_its_start(path):
    """Also against programs that do not know the file lock."""
    database = open_database(path, create=True)
    other = sqlite3.connect(path, timeout=0, isolation_level=None)

    with database.writing(), pytest.raises(sqlite3.OperationalError, match="database is locked"):
        other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()
    database.close()


def test_a_file_lock_keeps_threads_and_processes_apart(tmp_path):
    path = str(tmp_path / "lock")
    taken = threading.Event()

    def other_thread() -> None:
        with file_lock(path):
            taken.set()

    with file_lock(path):
        thread = threading.Thread(target=other_thread)
        thread.start()
        assert not taken.wait(0.05)
        child = multiprocessing.get_context("fork").Process(target=taken.wait)
        child.start()
    assert taken.wait(), "a child that was forked meanwhile must not keep the lock"
    thread.join()
    child.kill()
    child.join()


def test_a_file_lock_that_is_never_released_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "TIMEOUT", 0.01)
    path = str(tmp_path / "lock")

    refused = pytest.raises(TimeoutError, match="locked by another process")
    with file_lock(path), refused, file_lock(path):
        pass


@pytest.fixture
def unwritable(monkeypatch):
    """A function that takes the right to write away: root may write every file."""
    return lambda: monkeypatch.setattr(os, "access", lambda *_arguments: False)


def test_a_copy_is_read_without_files_beside_it(store, path, record, tmp_path, unwritable):
    record("d1")
    store.close()
    place = tmp_path / "100% of #1?"
    place.mkdir()
    shutil.copy(path, place / "copy.db")
    unwritable()

    database = open_for_reading(str(place / "copy.db"))
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT sequence FROM heads").scalar() == 1
        assert os.listdir(place) == ["copy.db"]
    database.close()


def test_a_log_that_others_write_is_read_with_its_last_events(store, path, record, unwritable):
    record("d1")
    assert os.path.exists(f"{path}-wal")
    unwritable()

    database = open_for_reading(path)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT sequence FROM heads").scalar() == 1
    database.close()


def test_a_database_for_reading_is_not_written(store, path):
    database = open_for_reading(path)

    with (
        pytest.raises(AuditError, match="cannot be written: "),
        database.writing() as connection,
    ):
        connection.exec_driver_sql("UPDATE heads SET sequence = 5")
    database.close()
    assert store.verify().events == 0


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_says_nothing_costs_no_more_than_the_deadline(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "CONNECT_TIMEOUT", 600.0)
    opened = open_database(f"postgresql://u@127.0.0.1:{silent}/audit", create=True)

    for seconds in (1.5, 0.5):
        with within(seconds), pytest.raises(AuditError), opened.writing():
            pytest.fail("it is connected")
    opened.close()


@pytest.mark.parametrize("locked", ["database", "file"])
def test_a_lock_that_is_not_released_costs_no_more_than_the_deadline(
    locked: str, path: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "BUSY_TIMEOUT", 600.0)
    monkeypatch.setattr(locks, "TIMEOUT", 600.0)
    with contextlib.ExitStack() as held:
        if locked == "file":
            held.enter_context(file_lock(f"{path}.lock"))
        else:
            other = held.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
            other.execute("BEGIN EXCLUSIVE")
        with within(0.3), pytest.raises(AuditError, match="locked"):
            store.append_decision(*pair("d1"))
    assert store.decisions() == []
    store.append_decision(*pair("d2"))


def test_a_commit_that_does_not_end_in_time_has_an_unknown_outcome(
    store: Store,
) -> None:
    """The disk of the log answers late: the decision is recorded after its answer."""
    may_go_on = threading.Event()
    sqlalchemy.event.listen(store.database._engine, "commit", lambda _: may_go_on.wait())
    with within(0.2), pytest.raises(AuditError) as caught:
        store.append_decision(*pair("d1"))
    with within(0.2), pytest.raises(AuditError, match="it was locked by other writers"):
        store.append_decision(*pair("d2"))
    may_go_on.set()
    store.append_decision(*pair("d3"))

    assert str(caught.value).endswith(
        "did not answer in time, so it is not known whether the decision was recorded: ask again "
        "with the same uid"
    )
    found = sorted(event_of(record).decision_id for record in store.decisions())
    assert found == ["d1", "d3"]
    assert store.verify().problems == ()


def test_a_name_server_that_does_not_answer_costs_no_more_than_the_deadline(
    silent_name_server: None,
) -> None:
    opened = open_database("postgresql://u@db.example/audit", create=True)

    with (
        within(1.2),
        pytest.raises(AuditError, match=r"the address of db\.example was not"),
        opened.writing(),
    ):
        pytest.fail("it is connected")
    opened.close()


def test_a_writer_that_takes_too_long_holds_up_others_until_their_deadline_only(
    store: Store,
) -> None:
    writer = store._here().writer
    with writer._turn, within(0.2), pytest.raises(AuditError) as caught:
        store.append_decision(*pair("d1"))
    assert str(caught.value).endswith(
        "cannot be written: it was locked by other writers for too long"
    )
    store.append_decision(*pair("d2"))

    assert [record.sequence for record in store.decisions()] == [1]
    assert store.decision("d2").sequence == 1


def test_opening_a_log_twice_in_one_process_loses_no_event(store, path):
    """Other processes may remove a write-ahead log only while no process has the log open."""
    open_store(path).close()  # must not release the locks of `store`
    reader = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT 1 FROM events')"
    subprocess.run([sys.executable, "-c", f"{reader}.connection.close()", path], check=True)

    store.append_event("stop", {"version": "1"}, now=1)

    with closing(sqlite3.connect(path)) as connection:
        [(kind,)] = connection.execute("SELECT kind FROM events").fetchall()
    assert kind == "stop"
    assert os.path.exists(f"{path}-wal")


def test_a_single_statement_reads_the_newest_events_and_leaves_no_transaction_open(store, path):
    with closing(open_store(path)) as other:
        for number, decision_id in enumerate(("d1", "d2"), 1):
            other.append_decision(*pair(decision_id))
            assert store.decision(decision_id).sequence == number

    with closing(sqlite3.connect(path)) as connection:
        is_blocked, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert not is_blocked


def test_closing_a_log_closes_the_connections_that_it_kept(path):
    store = open_store(path)
    store.append_decision(*pair("d1"))
    store.decision("d1")
    assert os.path.exists(f"{path}-wal")
    store.close()

    assert not os.path.exists(f"{path}-wal")
