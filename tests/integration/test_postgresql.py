"""The audit log in a real PostgreSQL, a cluster of its own that ends with the tests."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from policyd.audit.backup import back_up, restore_to_server
from policyd.audit.database import open_database, open_for_reading
from policyd.audit.event import event_of
from policyd.audit.pushes import Pushes
from policyd.audit.store import Store, open_store
from policyd.audit.tokens import Tokens
from policyd.audit.verify import verify
from policyd.bootstrap import build
from policyd.config import Settings, Token
from policyd.deadline import within
from policyd.errors import AuditError
from policyd.hooks.events import Push
from policyd.model import Grant
from policyd.web.app import create_app
from tests.attacks.kills import kill_under_load
from tests.attacks.target import Target
from tests.support import stored_inputs, stored_pushes, stored_tokens, turns
from tests.support.history import SMALL, History, record
from tests.support.ledger import (
    CONTRACTS,
    Contract,
    assert_an_old_log_goes_on,
    fill_as_version_1,
)
from tests.unit.audit.conftest import pair

pytestmark = pytest.mark.integration

SIGNED_IN = {"Authorization": "Bearer ann"}
CONSOLE_LISTS = [
    "/console/?format=json",
    "/console/decisions",
    "/console/decisions?format=json",
    "/console/decisions?verdict=denied&policy=max-gpus&format=json",
    "/console/projects",
    "/console/projects?format=json",
    "/console/projects/project?repository=ml/train&project=train",
    "/console/gpus?period=7d",
    "/console/gpus?format=json",
    "/console/gpus/hours?period=month&format=json",
    "/console/policies",
    "/console/policies/max-gpus",
    "/console/exceptions",
]
APPENDS = 25
APPENDER = (
    "import sys\n"
    "from concurrent.futures import ThreadPoolExecutor\n"
    "from policyd.audit.store import open_store\n"
    "from tests.unit.audit.conftest import pair\n"
    "store = open_store(sys.argv[1])\n"
    "with ThreadPoolExecutor(5) as threads:\n"
    "    names = [f'{sys.argv[2]}-{n}' for n in range(int(sys.argv[3]))]\n"
    "    list(threads.map(lambda name: store.append_decision(*pair(name, project=name)), names))\n"
)
"""Records decisions from several threads of one process."""


def programs() -> Path:
    """Return the folder of initdb and postgres; without them, skip, and fail in CI."""
    found = [Path(path).parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        assert not os.environ.get("CI"), "CI has no PostgreSQL"
        pytest.skip("there is no PostgreSQL")
    return found[-1]


def parent_folder() -> str | None:
    """Return where the cluster can lie: None for the usual folder of temporary files.

    The path of a socket is short (107 bytes), and another user than root must reach it.
    """
    usual = Path(tempfile.gettempdir()).absolute()
    reachable = all(path.stat().st_mode & 0o001 for path in (usual, *usual.parents))
    return None if reachable and len(str(usual)) < 64 else "/tmp"


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The socket folder of a running PostgreSQL, which does not run as root."""
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir=parent_folder()))
    if user:
        shutil.chown(folder, user)
    data = str(folder / "data")

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs() / program, "-D", data, *arguments],
            user=user,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    try:
        run("initdb", "--auth=trust", "--username=policyd", "--encoding=UTF8", "--no-sync")
        log = str(folder / "log")
        run("pg_ctl", "-w", "-l", log, "-o", f"-k {folder} -c listen_addresses=''", "start")
        yield str(folder)
        run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def migrated(cluster: str) -> str:
    """The name of a database with the tables of a log: the migrations take a tenth of a second."""
    with psycopg.connect(f"postgresql://policyd@/postgres?host={cluster}", autocommit=True) as it:
        it.execute("CREATE DATABASE migrated")
    open_store(f"postgresql://policyd@/migrated?host={cluster}").close()
    return "migrated"


@pytest.fixture
def url(cluster: str, request: pytest.FixtureRequest) -> str:
    """A database of this test's own: empty, or with the tables of a log where it has a `store`."""
    has_store = "store" in request.fixturenames
    template = request.getfixturevalue("migrated") if has_store else "template1"
    name = f"audit_{abs(hash(request.node.nodeid))}"
    with psycopg.connect(f"postgresql://policyd@/postgres?host={cluster}", autocommit=True) as it:
        it.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return f"postgresql://policyd:hunter2@/{name}?host={cluster}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def small_history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return record(tmp_path_factory.mktemp("history"), **SMALL)


def tamper(url: str, *statements: str) -> None:
    """Run SQL as an owner of the tables can, who drops what protects them first."""
    with psycopg.connect(url) as connection:
        for row in connection.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'events'::regclass AND NOT tgisinternal"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {row[0]} ON events")
        for statement in statements:
            connection.execute(statement)


@pytest.mark.thorough
def test_decisions_and_grants_are_kept_as_in_sqlite(store: Store) -> None:
    store.append_decision(*pair("d1", services=("a", "b"), exceptions=("train-all",)))
    store.append_decision(*pair("d2", operation="UPDATE", seconds=60))
    store.append_decision(
        *pair("d3", repository="acme/serve", policies=("no-privileged",), allowed=False, seconds=90)
    )

    assert [r.sequence for r in store.decisions()] == [4, 3, 1]
    assert [r.sequence for r in store.decisions(policy="no-privileged")] == [4]
    assert [r.sequence for r in store.decisions(allowed=True, before=3)] == [1]
    assert [(g.sequence, g.service, g.state) for g in store.grants(active=False)] == [
        (3, "trainer", "active"),
        (1, "b", "superseded"),
        (1, "a", "superseded"),
    ]
    assert store.exception_uses("default", "")["train-all"].decisions == 1
    assert store.verify().ok
    store.append_decision(*pair("d4", operation="DELETE", seconds=120))
    assert store.grants() == []


@pytest.mark.thorough
def test_the_longest_names_are_indexed_and_texts_of_projects_are_cut(store: Store) -> None:
    chosen = random.Random(7)

    def name(characters: int) -> str:  # three bytes each, which no compression shortens
        return "".join(chr(chosen.randint(0x4E00, 0x9FFF)) for _ in range(characters))

    device = Grant(
        name(5000), "nvidia", "gpus", ("a",), 1, (), identities=(name(5000), "a\0b"), aliases={}
    )
    longest = {key: name(100) for key in ("repository", "environment", "host", "project")}
    _, decision = pair("d1", allowed=False, policies=("no-privileged",))
    violation = msgspec.structs.replace(decision.violations[0], service=name(5000))

    store.append_decision(*pair("d1", grants=(device,), **longest))
    review, decision = pair("d2", allowed=False, seconds=60, **longest)
    store.append_decision(review, msgspec.structs.replace(decision, violations=(violation,)))

    assert [record.sequence for record in store.decisions(host=longest["host"])] == [2, 1]
    assert [grant.names for grant in store.grants(gpu="a\N{REPLACEMENT CHARACTER}b")] == [
        ("a\N{REPLACEMENT CHARACTER}b", device.identities[0][:100] if device.identities else "")
    ]
    assert store.verify().ok


@pytest.mark.thorough
def test_a_backup_is_restored_to_an_empty_database_of_any_kind(
    store: Store, url: str, cluster: str, tmp_path: Path
) -> None:
    store.append_decision(*pair("d1", exceptions=("train-all",)))
    push = Push("event", "acme/train", "sha256:aa", "1", "ana")
    assert Pushes(store).add("registry", "", [push], 0)
    copy = str(tmp_path / "copy.db")
    last = back_up(store.database, copy)
    other = f"{url.partition('?')[0]}_new?host={cluster}"
    with psycopg.connect(f"postgresql://policyd@/postgres?host={cluster}", autocommit=True) as it:
        it.execute(f"CREATE DATABASE {other.partition('?')[0].rpartition('/')[2]}")
    backup = open_for_reading(copy)
    restored = restore_to_server(backup, other)
    with pytest.raises(AuditError, match=r"has events: create an empty database"):
        restore_to_server(backup, url)
    backup.close()

    assert restored == last
    new = open_store(other)
    assert new.grants() == store.grants()
    assert [one.number for one in Pushes(new).records()] == [1]
    assert Pushes(new).add("registry", "", [Push("next", "acme/train", "sha256:aa")], 0)
    assert [one.number for one in Pushes(new).records()] == [2, 1]
    new.append_decision(*pair("d2"))
    assert (new.verify().events, new.verify().problems) == (last[0] + 1, ())
    new.close()


@pytest.mark.slow
@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_grants_are_kept_and_found_as_in_sqlite(store: Store, contract: Contract) -> None:
    contract(store)


@pytest.mark.thorough
def test_a_lock_in_the_server_costs_no_more_than_the_deadline(url: str, store: Store) -> None:
    store.append_decision(*pair("d1"))
    with psycopg.connect(url) as other:
        other.execute("SELECT * FROM heads FOR UPDATE")
        with within(0.5), pytest.raises(AuditError):
            store.append_decision(*pair("d2"))
    store.append_decision(*pair("d3"))

    assert [event_of(one).decision_id for one in store.decisions()] == ["d3", "d1"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "contract", stored_tokens.CONTRACTS, ids=lambda contract: contract.__name__
)
def test_tokens_are_kept_as_in_sqlite(store: Store, contract: stored_tokens.Contract) -> None:
    contract(Tokens(store))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "contract", stored_pushes.CONTRACTS, ids=lambda contract: contract.__name__
)
def test_pushes_are_kept_as_in_sqlite(store: Store, contract: stored_pushes.Contract) -> None:
    contract(Pushes(store))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "contract", stored_inputs.CONTRACTS, ids=lambda contract: contract.__name__
)
def test_inputs_are_kept_as_in_sqlite(store: Store, contract: stored_inputs.Contract) -> None:
    contract(store)


@pytest.mark.thorough
@pytest.mark.parametrize("contract", turns.CONTRACTS, ids=lambda contract: contract.__name__)
def test_processes_take_turns_as_on_sqlite(
    store: Store, url: str, contract: turns.Contract
) -> None:
    contract(store, url)


def test_a_log_of_the_first_version_goes_on(url: str) -> None:
    database = open_database(url, create=True)
    fill_as_version_1(database)
    database.close()

    store = open_store(url)
    assert_an_old_log_goes_on(store)
    store.close()


@pytest.mark.slow
def test_a_log_of_the_first_version_is_verified_without_migrating_it(url: str) -> None:
    database = open_database(url, create=True)
    fill_as_version_1(database)
    database.close()

    reading = open_for_reading(url)
    with reading.reading() as connection:
        report = verify(connection)
    reading.close()
    assert (report.events, report.problems) == (2, ())
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert rows == [("0001",)]


@pytest.mark.slow
def test_processes_and_threads_that_write_at_once_make_one_chain(url: str) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", APPENDER, url, str(number), str(APPENDS)])
        for number in range(2)
    ]

    assert [writer.wait() for writer in writers] == [0] * 2
    store = open_store(url)
    report = store.verify()
    assert (report.ok, report.events) == (True, 2 * APPENDS)
    assert len(store.grants(limit=1000)) == 2 * APPENDS
    store.close()


def test_what_is_changed_is_refused_and_found(store: Store, url: str) -> None:
    store.append_decision(*pair("d1"))
    store.append_decision(*pair("d2", project="other"))
    for statement in ("UPDATE events SET allowed = false", "DELETE FROM events"):
        with psycopg.connect(url) as connection, pytest.raises(psycopg.Error):
            connection.execute(statement)

    tamper(url, "UPDATE events SET payload = replace(payload, 'ci-bot', 'x') WHERE sequence = 1")

    problems = [str(problem) for problem in store.verify().problems]
    assert problems[0] == "event 1: its hash does not match its payload"


@pytest.mark.thorough
def test_a_log_of_a_newer_version_is_refused_without_its_password(store: Store, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffff'")

    with pytest.raises(AuditError) as caught:
        open_store(url)

    assert "was written by another version of policyd" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.slow
def test_kills_under_load_lose_no_acknowledged_decision(url: str, tmp_path: Path) -> None:
    attacked = Target(tmp_path)
    try:
        result = kill_under_load(attacked, 4, url)
    finally:
        for webhook in attacked.running:
            webhook.kill()

    assert (result.workers, result.groups, result.lost, result.breaks) == (3, 1, 0, 0)
    assert 0 < result.acknowledged <= result.events


@pytest.mark.slow
@pytest.mark.parametrize("repositories", [("**",), ("ml/**",)], ids=["everything", "one team"])
def test_the_console_shows_what_it_shows_on_sqlite(
    url: str, small_history: History, repositories: tuple[str, ...]
) -> None:
    copy = open_for_reading(small_history.audit)
    restore_to_server(copy, url)
    copy.close()

    shown = {}
    for audit in (small_history.audit, url):
        token = Token(
            owner="ann",
            sha256=hashlib.sha256(b"ann").hexdigest(),
            scopes=("audit:read", "review", "bundles"),
            repositories=repositories,
        )
        settings = Settings(audit=audit, policy_set=str(small_history.rules), tokens={"a": token})
        services = msgspec.structs.replace(build(settings), clock=lambda: small_history.now)
        client = create_app(services).test_client()
        answers = {path: client.get(path, headers=SIGNED_IN) for path in CONSOLE_LISTS}
        shown[audit] = {path: (one.status_code, one.text) for path, one in answers.items()}
        services.close()

    refused = {path: text for path, (code, text) in shown[url].items() if code != 200}
    assert refused == {}
    assert shown[url] == shown[small_history.audit]
