"""What every store of the audit log promises about grants, and logs of older versions.

Each function of CONTRACTS takes an empty store, records decisions and asserts what is found.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from alembic import command
from alembic.config import Config
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, update

from policyd.audit import chain, checkpoints, decision_queries, export, retention, tree
from policyd.audit.appending import Pending
from policyd.audit.backup import back_up, restore
from policyd.audit.checkpoint_copies import FileCopy, checkpoints_in
from policyd.audit.checkpoint_publication import Publisher, Targets
from policyd.audit.database import Database, open_for_reading
from policyd.audit.documents import digest_of
from policyd.audit.event import decision_event, grant_records, payload_of, rfc3339
from policyd.audit.jobs import Jobs
from policyd.audit.key_sets import KeptKeySet, KeySets
from policyd.audit.rows import event_row, grant_row
from policyd.audit.store import Store, open_store
from policyd.audit.tables import events, grants, heads
from policyd.audit.visibility import Visibility
from policyd.audit.witnessing import WitnessClient
from policyd.errors import AuditError, ContentRemoved, Forbidden
from policyd.identity.job import Job, KnownRepository
from policyd.model import AuditRecord, UserInfo
from policyd.transparency import merkle
from policyd.transparency.checkpoint import open_checkpoint
from policyd.transparency.note import Signer
from tests.support.filters import (
    find_decisions_by_any_filters,
    find_the_decisions_of_a_reader_by_any_filters,
)
from tests.support.held import HELD, granted, known
from tests.support.witness_stand_in import witness_stand_in
from tests.unit.audit.conftest import NOON, pair

ORIGIN: Final = "policyd.example/log"
SIGNER: Final = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
Contract = Callable[[Store], None]
DETAILS: Final = ("kind", "hook", "schedule", "certainty", "identities", "aliases", "exceptions")
"""The columns of grants that migration 0002 adds."""
ADDED_TO_GRANTS: Final = (*DETAILS, "expires", "entitlements", "constraints")
ADDED_TO_EVENTS: Final = ("host", "username")
"""The columns that migrations after 0001 add."""


def signed(store: Store, time: str = "2026-11-23T16:00:00.000000000Z") -> str:
    """Return a checkpoint of all events of `store`, which it stores."""
    with store.database.writing() as connection:
        return checkpoints.sign(connection, SIGNER, time)


def keep_what_a_grant_is(store: Store) -> None:
    """Kind, certainty, identities and exceptions are read as they were written."""
    permitted = {"entitlements": ("team",), "constraints": ("max-gpus", "no-all-gpus")}
    written = (
        granted("web", kind="hook", hook=1, certainty="default-runtime", **permitted),
        granted("nightly", kind="job", schedule=("0 3 * * *",), exceptions=("night", "train")),
        known("api", {"count": 1}),
        granted("all", devices="all", identities=(), certainty="unknown"),
    )
    store.append_decision(*pair("d1", grants=written))

    found = {one.service: one for one in store.grants()}
    details = {name: tuple(getattr(one, field) for field in DETAILS) for name, one in found.items()}
    assert details == {
        "web": ("hook", 1, (), "default-runtime", ("0",), {}, ()),
        "nightly": ("job", None, ("0 3 * * *",), "certain", ("0",), {}, ("night", "train")),
        "api": (
            "service", None, (), "certain", ("0",),
            {"0": ("00000000:18:00.0", "gpu-aa", "gpu0")}, (),
        ),
        "all": ("service", None, (), "unknown", (), {}, ()),
    }  # fmt: skip
    assert (found["web"].entitlements, found["web"].constraints) == (
        ("team",), ("max-gpus", "no-all-gpus"),
    )  # fmt: skip
    assert (found["api"].entitlements, found["api"].constraints) == (None, None)
    assert store.verify().problems == ()


def find_a_grant_by_every_name_of_its_device(store: Store) -> None:
    """A grant is found by index, UUID, PCI address and CDI name, also when it has ended."""
    store.append_decision(*pair("d1", grants=(known("trainer", ("GPU-AA",)),)))
    store.append_decision(*pair("d2", project="b", grants=(granted("b", identities=("1",)),)))
    store.append_decision(*pair("d3", project="c", grants=(granted("c", identities=("gpu-bb",)),)))
    store.append_decision(
        *pair("d4", project="all", grants=(granted("all", devices="all", identities=()),))
    )
    store.append_decision(*pair("d5", grants=()))

    def held(gpu: str, **filters: Any) -> list[str]:
        return [one.service for one in store.grants(gpu=gpu, active=False, **filters)]

    for name in ("0", "+00", "GPU-AA", "gpu-aA", "0000:18:00.0", "nvidia.com/gpu=GPU-AA", "gpu0"):
        assert held(name) == ["all", "trainer"], name
    assert held("1") == ["all", "b"]
    assert held("GPU-BB") == ["all", "c"]
    assert held("GPU-AA", project="train") == ["trainer"]
    assert held("GPU-A") == ["all"]
    assert held("%") == ["all"]
    assert [one.service for one in store.grants(gpu="GPU-AA")] == ["all"]
    assert [one.service for one in store.grants(1, gpu="0", active=False, before=(4, 0))] == [
        "trainer"
    ]


def find_double_booked_devices(store: Store) -> None:
    """A device is double-booked by its identity, on one named host, in two workloads."""
    apart = granted("apart", identities=("1",), devices=("1",))
    for number, (host, project, own) in enumerate(
        [
            ("gpu-01", "index", (known("a", ("0",)),)),
            ("gpu-01", "uuid", (granted("b", devices=("GPU-AA",), identities=("gpu-aa",)), apart)),
            ("gpu-01", "amd", (granted("c", vendor="amd"),)),
            ("gpu-02", "alone", (granted("d"), granted("d", kind="hook", hook=0))),
            ("", "nowhere", (granted("e"),)),
            ("", "nowhere-2", (granted("f"),)),
            ("gpu-03", "count", (granted("g", devices={"count": 1}),)),
            ("gpu-03", "everything", (granted("h", devices="all", identities=()),)),
            ("gpu-04", "same", (granted("i"), granted("j"))),
            ("gpu-05", "nodes", (granted("k", vendor="unknown", devices="all", identities=()),)),
            ("gpu-05", "amd", (granted("l", vendor="amd", identities=()),)),
        ]
    ):
        store.append_decision(*pair(f"d{number}", host=host, project=project, grants=own))

    assert [one.service for one in store.grants(double_booked=True)] == [
        "l", "k", "j", "i", "h", "g", "b", "a",
    ]  # fmt: skip
    store.append_decision(
        *pair("end", host="gpu-01", project="uuid", operation="DELETE", grants=())
    )
    assert [one.service for one in store.grants(double_booked=True, host="gpu-01")] == []
    everything = store.grants(double_booked=True, active=False, host="gpu-03")
    assert [one.service for one in everything] == ["h", "g"]


def sign_checkpoints_that_extend_each_other(store: Store) -> None:
    """Each checkpoint has all events; the same events give the same checkpoint."""
    notes = []
    for number in range(5):
        store.append_decision(*pair(f"d{number}", project=f"p{number}"))
        for _ in range(2):
            notes.append(signed(store, f"2026-11-23T15:00:0{number}.000000000Z"))

    assert notes[::2] == notes[1::2]
    states = [open_checkpoint(note, ORIGIN, [SIGNER.verifier])[0] for note in notes[::2]]
    assert [state.size for state in states] == [1, 2, 3, 4, 5]
    with store.database.reading() as connection:
        read = tree.reader(connection)
        for old in states:
            proof = merkle.consistency_proof(old.size, 5, read)
            assert merkle.is_consistent(old.size, old.root, 5, states[-1].root, proof)
    assert store.verify().problems == ()


def prove_every_decision(store: Store) -> None:
    """A proof shows one event of the chain, by the key of the log only."""
    records = [
        store.append_decision(*pair(f"d{number}", project=f"p{number}")) for number in range(7)
    ]
    for record in records:
        with store.database.reading() as connection, pytest.raises(AuditError) as caught:
            checkpoints.prove(connection, f"d{record.sequence - 1}")
        assert str(caught.value).startswith(f"no checkpoint includes event {record.sequence} yet")
    signed(store)

    for number, record in enumerate(records):
        with store.database.reading() as connection:
            proof = checkpoints.prove(connection, f"d{number}")
        entry, state = checkpoints.proven_entry(proof, [SIGNER.verifier])
        assert entry == tree.Entry(
            1, record.sequence, "decision", f"d{number}", record.time, record.hash
        )
        assert (state.origin, state.size) == (ORIGIN, 7)
        assert len(proof) < 1000


def move_grants_in_a_batch_as_one_after_the_other(store: Store) -> None:
    """Two deployments, a release and a dry run of one project, and another project in between."""
    pairs = [
        pair("d1", services=("a", "b")),
        pair("d2", project="other"),
        pair("d3", seconds=1, services=("c",)),
        pair("d4", seconds=2, operation="DELETE"),
        pair("d5", seconds=3, services=("a",), dry_run=True),
        pair("d6", seconds=4, services=("d",)),
        pair("d7", seconds=5, allowed=False),
    ]
    events = [decision_event(review, decision) for review, decision in pairs]

    store._here()._write(lambda: [Pending(event, payload_of(event)) for event in events])

    found = store.grants(active=False)
    assert [(one.decision_id, one.service, one.state, one.ended[17:19]) for one in found] == [
        ("d6", "d", "active", ""),
        ("d3", "c", "released", "02"),
        ("d2", "trainer", "active", ""),
        ("d1", "b", "superseded", "01"),
        ("d1", "a", "superseded", "01"),
    ]
    assert store.verify().problems == ()


def keep_one_tree_for_all_writers(store: Store) -> None:
    """The tree is that of the chain, whoever appends, and also after an event was refused."""
    other = open_store(store._url)
    for number in range(6):
        writer = (store, store, other)[number % 3]
        writer.append_decision(*pair(f"d{number}", project=f"p{number}"))
        with pytest.raises(AuditError):
            writer.append_decision(*pair("d0", project="again"))
    other.close()

    assert (store.verify().events, store.verify().problems) == (6, ())
    with store.database.reading() as connection:
        assert tree.leaves(connection) == 6


def show_only_what_is_visible(store: Store) -> None:
    """Decisions and grants are found by the globs of a reader, in all three fields."""
    places = [
        ("acme/train", "prod", "gpu-01"),
        ("acme/deep/er", "dev", "gpu-02"),
        ("acme", "dev", "gpu-02"),
        ("acme-evil/train", "dev", "gpu-1"),
        ("a.me/x", "prod", "gpu-03"),
        ("axme/x+(y)", "prod", "gpu-03"),
        ("", "", ""),
    ]
    for number, (repository, environment, host) in enumerate(places):
        where = {"repository": repository, "environment": environment, "host": host}
        store.append_decision(*pair(f"d{number}", **where, grants=(granted(),)))

    def seen(**globs: tuple[str, ...]) -> list[int]:
        visibility = Visibility(**globs)
        decisions = store.decisions(visibility=visibility)
        found = [places.index((one.repository, one.environment, one.host))
                 for one in store.grants(visibility=visibility)]  # fmt: skip
        assert [record.sequence - 1 for record in decisions] == found
        assert [visibility.shows(*place) for place in places] == [
            number in found for number in range(len(places))
        ]
        return found

    everything = [6, 5, 4, 3, 2, 1, 0]
    assert seen() == everything
    assert seen(repositories=("x", "**")) == everything
    assert seen(repositories=()) == []
    assert seen(repositories=("acme/**",)) == [1, 0]
    assert seen(repositories=("acme/*",)) == [0]
    assert seen(repositories=("*/*", "acme")) == [5, 4, 3, 2, 0]
    assert seen(repositories=("*",)) == [2]
    assert seen(repositories=("***",)) == [5, 4, 3, 2, 1, 0]
    assert seen(repositories=("a.me/x",)) == [4]
    assert seen(repositories=("axme/x+(y)",)) == [5]
    assert seen(repositories=("*me/x*", "acme/deep/**")) == [5, 4, 1]
    assert seen(repositories=("acme/**",), environments=("prod",)) == [0]
    assert seen(environments=("*",)) == [5, 4, 3, 2, 1, 0]
    assert seen(hosts=("gpu-0*",), environments=("dev", "staging")) == [2, 1]
    assert seen(hosts=("gpu-1",)) == [3]
    assert store.decisions(visibility=Visibility(("acme/**",)), repository="a.me/x") == []


def job(**fields: Any) -> Job:
    """Return a job of the repository acme/train, whose id is 42."""
    given: dict[str, Any] = {
        "issuer": "forge",
        "token_id": "t1",
        "expires": 1_000,
        "repository": "acme/train",
        "repository_id": "42",
        "owner_id": "7",
        "ref": "refs/heads/main",
        "commit": "",
        "environment": "",
        "user": UserInfo(),
        "obstacle": "",
    }
    return Job(**{**given, **fields})


def accept_each_token_for_one_grant(store: Store) -> None:
    """A token may grant once, or again for the same review; checks do not count."""
    jobs = Jobs(store.database)
    jobs.accept(job(), "a", 900, may_grant=True)
    jobs.accept(job(), "a", 901, may_grant=True)
    jobs.accept(job(), "b", 902, may_grant=False)
    jobs.accept(job(issuer="other"), "b", 903, may_grant=True)
    with pytest.raises(Forbidden, match="was used for another review"):
        jobs.accept(job(), "b", 1_000, may_grant=True)
    jobs.accept(job(), "b", 1_001, may_grant=True)  # it has expired, and is refused before this


def accept_one_repository_of_a_name(store: Store) -> None:
    """The first token pins the ids of a repository, until they are forgotten."""
    jobs = Jobs(store.database)
    jobs.accept(job(), "a", 900, may_grant=False)
    with pytest.raises(Forbidden, match="had the id '42' before, and the token states '43'"):
        jobs.accept(job(repository="Acme/Train", repository_id="43"), "b", 900, may_grant=True)
    with pytest.raises(Forbidden):
        jobs.accept(job(repository_id=""), "b", 900, may_grant=False)
    jobs.accept(job(repository="acme/other", repository_id=""), "b", 900, may_grant=False)
    jobs.accept(job(issuer="other", repository_id="43"), "b", 900, may_grant=False)

    assert jobs.repositories() == [
        KnownRepository("forge", "acme/train", "42", "7"),
        KnownRepository("other", "acme/train", "43", "7"),
    ]
    assert [jobs.forget("forge", "Acme/Train"), jobs.forget("forge", "acme/train")] == [True, False]
    jobs.accept(job(repository_id="43"), "b", 900, may_grant=False)


def export_events_in_their_order(store: Store) -> None:
    """Pages have all events, and a position names one of them."""
    made = [store.append_decision(*pair(f"d{number}", project=f"p{number}")) for number in range(3)]
    last = export.last_position(store.database)

    conditions = decision_queries.conditions({"project": "p1"})
    (page,) = export.pages(store.database, through=last.sequence)
    (found,) = export.pages(store.database, conditions, after=1, through=last.sequence)

    assert [event.record for event in page] == made
    assert [event.event_id for event in found] == ["d1"]
    assert last == export.position_at(store.database, 3) == (3, made[2].hash)


def publish_checkpoints_without_growing(store: Store) -> None:
    """A published checkpoint is an event, which alone is no reason for the next one."""
    with tempfile.TemporaryDirectory() as folder, witness_stand_in(SIGNER.verifier) as witness:
        client = WitnessClient("witness", witness.url, witness.verifier.vkey)
        targets = Targets([client], [FileCopy("file", f"{folder}/kept")])
        for number in range(2):
            store.append_decision(*pair(f"d{number}", project=f"p{number}"))
            for _ in range(2):
                Publisher(lambda use: use(store), lambda: NOON).publish(SIGNER, targets, 10)

        notes = list(checkpoints_in(Path(folder, "kept").read_text(), ORIGIN))
    found = [open_checkpoint(note, ORIGIN, [SIGNER.verifier, witness.verifier]) for note in notes]
    assert [(state.size, len(signatures)) for state, signatures in found] == [(1, 2), (3, 2)]
    assert [record.kind for record in store.events()] == ["checkpoint", "decision"] * 2
    assert store.verify().problems == ()


def prune_the_content_of_old_decisions(store: Store) -> None:
    """Old content is removed but that of held grants; the log verifies and takes decisions."""
    day = 24 * 3600
    store.append_decision(*pair("d1", project="a"))
    store.append_decision(*pair("d2", project="b"))
    store.append_decision(*pair("d3", project="a", operation="DELETE", grants=(), seconds=1))
    store.append_decision(*pair("d4", project="c", seconds=day))
    held = store.grants()

    before, now = rfc3339(NOON + 2_000_000_000), NOON + 9 * day * 1_000_000_000
    number, record = retention.prune(store, before, now=now, actor="ana", reason="old")
    store.append_decision(*pair("d5", project="b", seconds=9 * day))

    assert (number, record and record.sequence) == (2, 5)
    report = store.verify()
    assert (report.events, report.removed, report.problems) == (6, 2, ())
    assert [record.sequence for record in store.decisions()] == [6, 4, 2]
    assert [grant.decision_id for grant in held] == ["d4", "d2"]
    assert [grant.decision_id for grant in store.grants(active=False)] == ["d5", "d4", "d2", "d1"]
    with pytest.raises(ContentRemoved):
        store.decision("d3")


def back_up_one_state_while_it_is_written(store: Store) -> None:
    """A backup of a log that grows verifies, has all tables, and is restored to a file."""
    store.append_decision(*pair("d1", exceptions=("train-all",)))
    store.keep_document(b"rules")
    signed(store)
    stopped = threading.Event()

    def append() -> None:
        for number in itertools.count(2):
            if stopped.is_set():
                return
            store.append_decision(*pair(f"d{number}", project=f"p{number}"))

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as threads:
        writing = threads.submit(append)
        number, last = back_up(store.database, f"{folder}/copy.db")
        stopped.set()
        writing.result()
        assert os.listdir(folder) == ["copy.db"]
        copy = open_for_reading(f"{folder}/copy.db")
        restored = restore(copy, f"{folder}/new.db")
        copy.close()
        new = open_store(f"{folder}/new.db", create=False)
        new.append_decision(*pair("last"))
        report, first = new.verify(), new.decision("d1")
        assert new.document(digest_of(b"rules")) == b"rules"
        assert list(new.exception_uses("default", "")) == ["train-all"]
        new.close()

    assert restored == (number, last)
    assert (report.events, report.problems) == (number + 1, ())
    assert first == store.decision("d1")


def keep_the_last_key_set_of_each_issuer(store: Store) -> None:
    """The key set that was read last stays, whoever writes last."""
    sets = KeySets(store)
    assert sets.find("https://forge.example") is None
    sets.keep("https://forge.example", KeptKeySet(b'{"keys": []}', 7))
    sets.keep("https://other.example", KeptKeySet(b"{}", 1))
    sets.keep("https://forge.example", KeptKeySet(b"\x00newer", 9))
    sets.keep("https://forge.example", KeptKeySet(b"older", 8))

    assert sets.find("https://forge.example") == KeptKeySet(b"\x00newer", 9)
    assert sets.find("https://other.example") == KeptKeySet(b"{}", 1)


CONTRACTS: Final[tuple[Contract, ...]] = (
    keep_the_last_key_set_of_each_issuer,
    *HELD,
    find_decisions_by_any_filters,
    find_the_decisions_of_a_reader_by_any_filters,
    show_only_what_is_visible,
    keep_what_a_grant_is,
    find_a_grant_by_every_name_of_its_device,
    find_double_booked_devices,
    move_grants_in_a_batch_as_one_after_the_other,
    keep_one_tree_for_all_writers,
    sign_checkpoints_that_extend_each_other,
    prove_every_decision,
    export_events_in_their_order,
    publish_checkpoints_without_growing,
    prune_the_content_of_old_decisions,
    back_up_one_state_while_it_is_written,
    accept_each_token_for_one_grant,
    accept_one_repository_of_a_name,
)


def without(row: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    """Return `row` without `columns`."""
    return {name: value for name, value in row.items() if name not in columns}


def fill_as_version_1(database: Database) -> None:
    """Make the tables of migration 0001 and record two decisions as versions with it did."""
    config = Config()
    config.set_main_option("script_location", "policyd.audit:migrations")
    last = chain.GENESIS
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for sequence in (1, 2):
            review, decision = pair(f"d{sequence}", project=f"p{sequence}")
            event = decision_event(review, decision)
            payload = payload_of(event)
            own = chain.link(last, payload.encode())
            record = AuditRecord(sequence, event.timestamp, "decision", payload, last, own)
            row = event_row(record, event)
            connection.execute(insert(events), without(row, ADDED_TO_EVENTS))
            for one in grant_records(event, sequence):
                connection.execute(insert(grants), without(grant_row(one), ADDED_TO_GRANTS))
            last = own
        connection.execute(update(heads).values(sequence=2, hash=last))


def assert_an_old_log_goes_on(store: Store) -> None:
    """The log of `fill_as_version_1` is intact, and what its grants did not say is unknown."""
    store.append_decision(*pair("d3", project="p3", grants=(granted(),)))

    report = store.verify()
    assert (report.events, report.problems) == (3, ())
    with store.database.reading() as connection:
        assert tree.leaves(connection) == 3
    assert [(one.kind, one.certainty, one.identities) for one in store.grants()] == [
        ("service", "certain", ("0",)),
        (None, None, None),
        (None, None, None),
    ]
    assert [one.sequence for one in store.grants(gpu="0")] == [3]
