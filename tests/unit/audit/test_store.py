from __future__ import annotations

import contextlib
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from policyd.audit import chain
from policyd.audit.event import event_of
from policyd.audit.store import ExceptionUse, Store, open_store
from policyd.audit.tables import events
from policyd.audit.visibility import Visibility
from policyd.errors import AuditError, NotFound


def ids(records) -> list[str]:
    return [event_of(record).decision_id for record in records]


def states(store: Store) -> dict[str, str]:
    return {
        f"{grant.decision_id}/{grant.service}": grant.state for grant in store.grants(active=False)
    }


def test_records_are_numbered_without_gaps_and_chained(store, record):
    first, second = record("d1"), record("d2", seconds=1)

    assert (first.sequence, first.prev_hash) == (1, chain.GENESIS)
    assert (second.sequence, second.prev_hash) == (2, first.hash)
    assert second.hash == chain.link(first.hash, second.payload.encode())
    assert second.time == "2026-11-23T15:00:01.000000000Z"
    assert store.decisions() == [second, first]


def test_a_record_is_on_disk_when_append_returns(path, record):
    appended = record("d1")

    with closing(sqlite3.connect(path)) as other, other:
        rows = other.execute("SELECT sequence, payload, hash FROM events").fetchall()
    assert rows == [(1, appended.payload, appended.hash)]


def test_the_log_is_wal_and_synchronous_full(store, path):
    with store._here().database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 32_000


def test_a_grant_row_says_who_got_what_where_by_which_rules(store, record):
    record("d1")

    (grant,) = store.grants()
    assert (grant.sequence, grant.position, grant.decision_id) == (1, 0, "d1")
    assert grant.time == "2026-11-23T15:00:00.000000000Z"
    assert (grant.repository, grant.environment, grant.host) == ("acme/train", "prod", "gpu-01")
    assert (grant.project, grant.service) == ("train", "trainer")
    assert (grant.vendor, grant.method, grant.devices) == ("nvidia", "gpus", {"count": 2})
    assert (grant.replicas, grant.username) == (1, "ci-bot")
    assert (grant.policy_set, grant.revision) == ("default", "sha256:aa")
    assert (grant.state, grant.ended) == ("active", "")


def test_the_next_deployment_supersedes_the_grants_of_the_one_before(store, record):
    record("d1", services=("a", "b"))
    record("d2", operation="UPDATE", seconds=60, services=("b",))

    assert states(store) == {"d2/b": "active", "d1/b": "superseded", "d1/a": "superseded"}
    assert [grant.ended for grant in store.grants(active=False)] == [
        "",
        "2026-11-23T15:01:00.000000000Z",
        "2026-11-23T15:01:00.000000000Z",
    ]


def test_an_allowed_deployment_without_gpus_ends_the_grants_too(store, record):
    record("d1")
    record("d2", services=())

    assert states(store) == {"d1/trainer": "superseded"}
    assert store.grants() == []


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"repository": "acme/other"},
        {"project": "other"},
        {"environment": "dev"},
        {"host": "gpu-02"},
    ],
)
def test_a_deployment_elsewhere_ends_nothing(store, record, elsewhere):
    record("d1")
    record("d2", **elsewhere)

    assert states(store) == {"d1/trainer": "active", "d2/trainer": "active"}


def test_delete_releases_and_a_later_deployment_grants_anew(store, record):
    record("d1")
    record("d2", operation="DELETE")
    record("d3")

    assert states(store) == {"d1/trainer": "released", "d3/trainer": "active"}


@pytest.mark.parametrize(
    "harmless",
    [
        {"allowed": False},
        {"operation": "CHECK"},
        {"dry_run": True},
        {"operation": "DELETE", "allowed": False},
    ],
)
def test_what_does_not_deploy_is_recorded_and_moves_no_grant(store, record, harmless):
    record("d1")
    record("d2", **harmless)

    assert ids(store.decisions()) == ["d2", "d1"]
    assert states(store) == {"d1/trainer": "active"}


def test_decisions_are_found_by_what_they_are_about(store, record):
    record("d1", allowed=False, policies=("no-all-gpus", "no-privileged"))
    record("d2", repository="acme/serve", project="serve", point="cli")
    record("d3", allowed=False, policies=("no-all-gpus-at-night",))
    record("d4", repository="")

    assert ids(store.decisions(2)) == ["d4", "d3"]
    assert ids(store.decisions(2, before=3)) == ["d2", "d1"]
    assert ids(store.decisions(allowed=False)) == ["d3", "d1"]
    assert ids(store.decisions(allowed=True)) == ["d4", "d2"]
    assert ids(store.decisions(repository="acme/serve")) == ["d2"]
    assert ids(store.decisions(repository="")) == ["d4"]
    assert ids(store.decisions(project="serve")) == ["d2"]
    assert ids(store.decisions(enforcement_point="cli")) == ["d2"]
    assert ids(store.decisions(policy="no-all-gpus")) == ["d1"]
    assert ids(store.decisions(policy="no-privileged")) == ["d1"]
    assert ids(store.decisions(policy="no%")) == []
    assert ids(store.decisions(commit="c0ffee")) == ["d4", "d3", "d2", "d1"]
    assert ids(store.decisions(commit="beef")) == []


def test_grants_are_found_by_where_they_are(store, record):
    record("d1", services=("a", "b"))
    record("d2", repository="acme/serve", host="gpu-02", environment="dev", project="serve")

    assert [grant.service for grant in store.grants()] == ["trainer", "b", "a"]
    assert [grant.service for grant in store.grants(1, before=(1, 1))] == ["a"]
    assert [grant.service for grant in store.grants(before=(2, 0))] == ["b", "a"]
    assert [grant.service for grant in store.grants(repository="acme/train")] == ["b", "a"]
    assert [grant.service for grant in store.grants(project="serve")] == ["trainer"]
    assert [grant.service for grant in store.grants(environment="dev")] == ["trainer"]
    assert [grant.service for grant in store.grants(host="gpu-01")] == ["b", "a"]


def test_one_decision_is_found_by_its_id(store, record):
    second = [record("d1"), record("d2")][1]

    assert store.decision("d2") == second
    with pytest.raises(NotFound, match="there is no decision d3 in the audit log"):
        store.decision("d3")


def test_a_decision_id_cannot_be_used_twice(store, record):
    record("d1")

    with pytest.raises(AuditError, match="append-only"):
        record("d1")
    assert [record.sequence for record in store.decisions()] == [1]
    assert record("d2").sequence == 2


@pytest.mark.thorough
def test_threads_share_a_store(store, decided):
    threads = [
        threading.Thread(
            target=lambda n=n: [
                store.append_decision(*decided(f"{n}-{i}", project=f"p{n}")) for i in range(20)
            ]
        )
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ids(store.decisions(1000))) == 160
    assert len(store.grants(1000)) == 8
    assert store.verify().problems == ()


WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from conftest import pair
from policyd.audit.store import open_store
store = open_store(sys.argv[2])
for i in range(40):
    store.append_decision(*pair(f"{sys.argv[3]}-{i}"))
"""


@pytest.mark.slow
def test_processes_share_a_log(path):
    """Two workers and a CLI at once, each opening (and one of them creating) the same file."""
    here = str(Path(__file__).parent)
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, here, path, name]) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]

    store = open_store(path)
    report = store.verify()
    records = store.decisions(1000)
    active = store.grants()
    store.close()
    assert (report.events, report.problems) == (120, ())
    assert sorted(ids(records)) == sorted(f"{name}-{i}" for name in "abc" for i in range(40))
    assert [grant.sequence for grant in active] == [120]


@pytest.mark.thorough
def test_a_store_survives_a_fork_even_while_another_thread_writes(store, record, decided):
    record("before")
    process = multiprocessing.get_context("fork").Process(
        target=lambda: store.append_decision(*decided("in-child"))
    )

    with store._process.writer._turn:
        process.start()
        process.join()
    assert process.exitcode == 0

    assert record("after").sequence == 3
    assert ids(store.decisions()) == ["after", "in-child", "before"]
    assert store.verify().problems == ()


FULL_DISK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from conftest import pair
from policyd.audit.store import open_store
from policyd.errors import AuditError
store = open_store(sys.argv[2])
store.append_decision(*pair("d1"))
resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, resource.RLIM_INFINITY))
try:
    for i in range(1000):
        store.append_decision(*pair(f"more-{i}"))
        last = i
except AuditError as error:
    try:
        store.check_writable()
    except AuditError as unready:
        print(last, error, unready, sep="|")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.check_writable()
"""


@pytest.mark.slow
def test_a_record_that_the_disk_does_not_take_is_an_error_and_leaves_the_log_whole(path):
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(Path(__file__).parent), path],
        capture_output=True,
        text=True,
        check=True,
    )
    last, message, unready = run.stdout.strip().split("|")
    assert message.startswith(f"the audit log {path} cannot be written: ")
    assert unready.startswith(f"the audit log {path} cannot be written: ")

    store = open_store(path)
    assert ids(store.decisions(1))[0] == f"more-{last}"
    assert store.verify().problems == ()
    store.close()


def fill(store, decided) -> None:
    for number in range(100):
        store.append_decision(*decided(f"full-{number}"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")
@pytest.mark.slow
def test_a_log_on_a_full_disk_takes_no_decision_until_there_is_space(tmp_path, decided):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(tmp_path)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a disk cannot be mounted here")
    try:
        store = open_store(str(tmp_path / "audit.db"))
        store.check_writable()
        with contextlib.suppress(OSError), (tmp_path / "large").open("wb", buffering=0) as large:
            while True:
                large.write(bytes(4096))

        with pytest.raises(AuditError, match="cannot be written: "):
            store.check_writable()
        with pytest.raises(AuditError, match="cannot be written: "):
            fill(store, decided)

        (tmp_path / "large").unlink()
        store.check_writable()
        store.append_decision(*decided("after"))
        assert ids(store.decisions(1)) == ["after"]
        assert store.verify().problems == ()
        store.close()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_asking_a_log_changes_no_record_and_leaves_no_table(store, path, record):
    record("d1")

    for _ in range(3):
        store.check_writable()

    with closing(sqlite3.connect(path)) as other:
        names = {name for (name,) in other.execute("SELECT name FROM sqlite_master")}
    assert "policyd_probe" not in names
    assert record("d2").sequence == 2
    assert store.verify().problems == ()


def test_a_log_can_be_asked_whether_it_takes_records(store, path, record):
    store.check_writable()
    record("d1")
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DROP TABLE heads")

    with pytest.raises(AuditError, match="cannot be written: no such table: heads"):
        store.check_writable()


@pytest.mark.parametrize("replaced", [False, True], ids=["deleted", "replaced"])
def test_a_record_is_never_written_to_a_file_that_is_not_the_log(
    store, path, record, tmp_path, replaced: bool
) -> None:
    """A deleted file still takes what is written to it, and nobody ever reads it."""
    record("d1")
    kept = str(tmp_path / "kept.db")
    os.rename(path, kept)
    if replaced:
        open_store(path).close()

    message = f"the audit log {path} was deleted or replaced while it was open: "
    for write in (lambda: record("d2"), store.check_writable):
        with pytest.raises(AuditError) as error:
            write()
        assert str(error.value) == message + "restore the file and restart policyd"

    if not replaced:  # its WAL file lies there still
        os.rename(kept, path)
        record("d3")
        assert ids(store.decisions()) == ["d3", "d1"]


def test_a_log_without_its_head_row_takes_no_record(store, path, record):
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM heads")

    with pytest.raises(AuditError, match=r"the table heads of the audit log .* is empty"):
        record("d1")


def test_a_new_log_is_readable_by_its_owner_only(store, path):
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700


def test_uses_of_exceptions_are_counted_by_decision_from_a_time_on(store, record):
    record("d1", exceptions=("old",))
    record("d2", seconds=1, exceptions=("own", "own", "other"))
    record("d3", seconds=2, exceptions=("own",), allowed=False, operation="CHECK")
    record("d4", seconds=3, exceptions=("own",), policy_set="another")
    record("d5", seconds=4, project='"exempted":[{"exception":"fake"}]')

    assert store.exception_uses("default", "2026-11-23T15:00:01.000000000Z") == {
        "own": ExceptionUse(2, "2026-11-23T15:00:02.000000000Z"),
        "other": ExceptionUse(1, "2026-11-23T15:00:01.000000000Z"),
    }
    assert store.exception_uses("default", "2026-11-23T15:00:04.000000001Z") == {}
    assert list(store.exception_uses("default", "", names=["own", "none"])) == ["own"]
    assert store.exception_uses("default", "", visibility=Visibility(("other/*",))) == {}


def test_a_log_says_when_it_begins(store, record):
    assert store.begins() == ""
    record("d1", seconds=1)
    record("d2", seconds=2)

    assert store.begins() == "2026-11-23T15:00:01.000000000Z"


@pytest.mark.slow
def test_a_limited_reader_is_answered_with_any_number_of_repositories(store, record):
    """More than a query can have parameters: 65,535 in PostgreSQL, 32,766 in SQLite."""
    record("first", repository="acme/first")
    with store.database.writing() as connection:
        row = dict(connection.execute(select(events)).one()._mapping)
        rows = [
            {**row, "sequence": number, "decision_id": str(number), "repository": f"other/{number}"}
            for number in range(2, 70_002)
        ]
        connection.execute(insert(events), rows)

    assert ids(store.decisions(visibility=Visibility(("acme/**",)))) == ["first"]
    assert len(store.decisions(100, visibility=Visibility(("*/6*",)))) == 100


def test_a_clock_that_is_set_back_ends_no_grant_before_it_began(store, record):
    record("d1", seconds=60)
    record("d2", seconds=0)
    record("d3", seconds=30, operation="DELETE")
    record("d4", seconds=90)

    noon = "2026-11-23T15:0"
    times = [found.time for found in reversed(store.decisions())]
    assert times == [f"{noon}{time}.000000000Z" for time in ("1:00", "1:00", "1:00", "1:30")]
    recorded = [event_of(found) for found in reversed(store.decisions())]
    assert [one.timestamp for one in recorded] == times
    asked = [one.input.review.now // 1_000_000_000 - 1_795_446_000 for one in recorded]
    assert asked == [60, 0, 30, 90]  # what the clock said stays in the review
    ended = [grant for grant in store.grants(active=False) if grant.ended]
    assert len(ended) == 2
    assert all(grant.time <= grant.ended for grant in ended)
    assert store.verify().problems == ()
