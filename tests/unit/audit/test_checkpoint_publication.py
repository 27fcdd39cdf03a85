from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from policyd.audit.checkpoint_copies import (
    FileCopy,
    SignedCheckpoint,
    UrlCopy,
    checkpoints_in,
)
from policyd.audit.checkpoint_publication import Publisher, Targets
from policyd.audit.log_event import log_event_of
from policyd.audit.store import Store
from policyd.audit.witnessing import WitnessClient
from policyd.errors import AuditError
from policyd.transparency.checkpoint import open_checkpoint
from policyd.transparency.note import ED25519, Verifier
from policyd.transparency.witness import cosigners
from tests.support.http_recorder import Recorder, Reply, recorder
from tests.support.ledger import ORIGIN, SIGNER
from tests.support.witness_stand_in import WitnessStandIn, witness_stand_in
from tests.unit.audit.conftest import NOON


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recorder() as running:
        yield running


@pytest.fixture
def witness() -> Iterator[WitnessStandIn]:
    with witness_stand_in(SIGNER.verifier) as running:
        yield running


@pytest.fixture
def targets(server: Recorder, witness: WitnessStandIn, tmp_path: Path) -> Targets:
    return Targets(
        [WitnessClient("witness", witness.url, witness.verifier.vkey)],
        [
            FileCopy("file", str(tmp_path / "kept")),
            UrlCopy("url", server.url, "PUT", "", "", insecure=False),
        ],
    )


@pytest.fixture
def publisher(store: Store) -> Publisher:
    return Publisher(lambda use: use(store), lambda: NOON)


def recorded(store: Store) -> list[tuple[int, object, object]]:
    events = [
        (one.sequence, log_event_of(one).details) for one in store.events(kinds=("checkpoint",))
    ]
    return [(number, details["events"], details["published"]) for number, details in events][::-1]


def test_a_checkpoint_goes_to_all_targets_with_its_cosignature(
    store: Store,
    record: Callable[..., Any],
    publisher: Publisher,
    targets: Targets,
    server: Recorder,
    witness: WitnessStandIn,
    tmp_path: Path,
) -> None:
    record("d1")

    note = publisher.publish(SIGNER, targets, 5).signed.note

    assert cosigners(note, [witness.verifier]) == ["witness.example"]
    assert (tmp_path / "kept").read_text() == server.seen[0].body.decode() == note
    assert recorded(store) == [(2, 1, ["witness", "file", "url"])]
    details = log_event_of(store.events(1)[0]).details
    assert details["root"] == open_checkpoint(note, ORIGIN, [SIGNER.verifier])[0].root.hex()
    assert details["key"] == SIGNER.verifier.vkey
    assert store.verify().ok


def test_a_log_that_is_not_used_does_not_grow(
    store: Store,
    record: Callable[..., Any],
    publisher: Publisher,
    targets: Targets,
    server: Recorder,
) -> None:
    record("d1")
    for _ in range(3):
        publisher.publish(SIGNER, targets, 5)
    restarted = Publisher(lambda use: use(store), lambda: NOON)
    restarted.publish(SIGNER, targets, 5)
    record("d2", project="more")
    for _ in range(2):
        restarted.publish(SIGNER, targets, 5)

    everything = ["witness", "file", "url"]
    assert recorded(store) == [(2, 1, everything), (4, 3, everything)]
    assert len(server.seen) == 3


def test_what_was_recorded_while_a_checkpoint_was_published_is_in_the_next_one(
    store: Store, record: Callable[..., Any]
) -> None:
    class Slow:
        name = "slow"
        sizes: ClassVar[list[int]] = []

        def deliver(self, signed: SignedCheckpoint, _seconds: float) -> None:
            if not self.sizes:
                record("meanwhile", project="more")
            self.sizes.append(signed.checkpoint.size)

    record("d1")
    publisher = Publisher(lambda use: use(store), lambda: NOON)
    for _ in range(3):
        publisher.publish(SIGNER, Targets([], [Slow()]), 5)

    assert Slow.sizes == [1, 3]
    assert [one.kind for one in store.events()][::-1] == [
        "decision", "decision", "checkpoint", "checkpoint",
    ]  # fmt: skip


def test_a_target_that_failed_gets_the_checkpoint_later_and_holds_up_no_other(
    store: Store,
    record: Callable[..., Any],
    publisher: Publisher,
    targets: Targets,
    server: Recorder,
    witness: WitnessStandIn,
    tmp_path: Path,
) -> None:
    record("d1")
    server.replies = [Reply(503), Reply(503)]
    witness.log = Verifier("other.example", ED25519, bytes(32))
    first = publisher.publish(SIGNER, targets, 5)
    witness.log = SIGNER.verifier
    second = publisher.publish(SIGNER, targets, 5)
    third = publisher.publish(SIGNER, targets, 5)

    assert [(one.target, one.problem) for one in first.outcomes] == [
        ("witness", f"{witness.url} answered with status 404: it does not know this log"),
        ("file", ""),
        ("url", f"{server.url} answered with status 503"),
    ]
    assert [(one.target, not one.problem) for one in second.outcomes] == [
        ("witness", True), ("url", False),
    ]  # fmt: skip
    assert [(one.target, not one.problem) for one in third.outcomes] == [("url", True)]
    assert cosigners(third.signed.note, [witness.verifier]) == ["witness.example"]
    assert recorded(store) == [(2, 1, ["file"])]
    assert len(list(checkpoints_in((tmp_path / "kept").read_text(), ORIGIN))) == 1


def test_without_targets_a_checkpoint_is_stored_and_no_event(
    store: Store, record: Callable[..., Any], publisher: Publisher
) -> None:
    record("d1")
    published = publisher.publish(SIGNER, Targets(), 5)

    assert (published.signed.checkpoint.size, published.outcomes) == (1, [])
    assert recorded(store) == []


def test_a_log_that_lost_its_end_is_not_published(
    store: Store, record: Callable[..., Any], publisher: Publisher, targets: Targets, path: str
) -> None:
    import sqlite3

    record("d1")
    record("d2", project="more")
    publisher.publish(SIGNER, Targets(), 5)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER events_no_delete")
        connection.execute("DELETE FROM events WHERE sequence = 2")
        connection.execute("DELETE FROM tree_nodes WHERE position > 0 OR level > 0")
        connection.execute("UPDATE heads SET sequence = 1")

    with pytest.raises(AuditError, match="event 2 is missing: the last checkpoint has 2 events"):
        publisher.publish(SIGNER, targets, 5)
