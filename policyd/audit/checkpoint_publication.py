"""Publish checkpoints of the audit log: sign them, have them cosigned, and copy them elsewhere.

In: the key of the log, targets, and what opens the log. Out: an outcome for each target, the
cosignatures beside the checkpoint, and an event that names where the checkpoint is. The log is open
for milliseconds at a time, not while targets answer. An event of a checkpoint alone is no reason to
sign another one, so a log that is not used does not grow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from sqlalchemy import select

from policyd.audit import checkpoints, cosignatures, tree
from policyd.audit.checkpoint_copies import SignedCheckpoint
from policyd.audit.event import rfc3339
from policyd.audit.log_event import log_event_of
from policyd.audit.store import Store
from policyd.audit.tables import events
from policyd.audit.witnessing import WitnessClient
from policyd.errors import PolicydError
from policyd.transparency import merkle
from policyd.transparency.checkpoint import checkpoint_of
from policyd.transparency.note import Signer, signatures_of

KIND: Final = "checkpoint"
"""The kind of events that say where a checkpoint was published."""

Found = TypeVar("Found")


class WithStore(Protocol):
    """Calls a function with the open log, and returns its result."""

    def __call__(self, use: Callable[[Store], Found], /) -> Found:
        """Return what `use` returns. Raises AuditError."""


class Copy(Protocol):
    """A place that checkpoints are copied to, by its name in the settings."""

    name: str

    def deliver(self, signed: SignedCheckpoint, seconds: float, /) -> None:
        """Copy the checkpoint within `seconds`. Raises DeliveryError."""


class Targets(NamedTuple):
    """Where checkpoints go."""

    witnesses: Sequence[WitnessClient] = ()
    copies: Sequence[Copy] = ()


class Outcome(NamedTuple):
    """What became of a delivery to a target; `problem` is "" if it was accepted."""

    target: str
    problem: str = ""
    cosignature: str = ""


class Published(NamedTuple):
    """The checkpoint, and the outcome for each target that did not have it."""

    signed: SignedCheckpoint
    outcomes: Sequence[Outcome]


class Publisher:
    """Publishes the checkpoints of one log."""

    def __init__(self, with_store: WithStore, clock: Callable[[], int]) -> None:
        """`clock` gives nanoseconds since the epoch."""
        self._with_store = with_store
        self._clock = clock
        self._delivered: dict[str, int] = {}

    def publish(self, signer: Signer, targets: Targets, seconds: float) -> Published:
        """Sign a checkpoint if there are new events, and deliver the last one to `targets`.

        A target that has it is left out. Each gets `seconds` at most. Raises AuditError if the log
        does not extend its last checkpoint.
        """
        signed, has_news = self._with_store(lambda store: self._signed(store, signer))
        size = signed.checkpoint.size
        waiting = Targets(
            [one for one in targets.witnesses if self._delivered.get(one.name, -1) < size],
            [one for one in targets.copies if self._delivered.get(one.name, -1) < size],
        )
        cosigned = _each(waiting.witnesses, lambda one: one.cosign(signed, self._proof, seconds))
        if lines := [one.cosignature for one in cosigned if one.cosignature]:
            signed = signed._replace(note=self._with_store(lambda store: _add(store, size, lines)))
        copied = _each(waiting.copies, lambda one: one.deliver(signed, seconds))
        outcomes = [*cosigned, *copied]
        accepted = [one.target for one in outcomes if not one.problem]
        self._delivered.update(dict.fromkeys(accepted, size))
        if has_news and accepted:
            self._with_store(lambda store: self._record(store, signed, signer, accepted))
        return Published(signed, outcomes)

    def _signed(self, store: Store, signer: Signer) -> tuple[SignedCheckpoint, bool]:
        """Return the checkpoint to publish, and whether events other than checkpoints are new.

        New are those after the events of the last published checkpoint: other writers may have
        recorded some before the event about it.
        """
        news = select(events.c.sequence).where(events.c.sequence > _published(store))
        with store.database.reading() as connection:
            last = checkpoints.latest(connection)
            query = news.where(events.c.kind.concat("") != KIND).limit(1)
            has_news = connection.execute(query).first() is not None
        note = str(last.note) if last else ""
        if not last or has_news or not signatures_of(note, [signer.verifier])[1]:
            with store.database.writing() as connection:
                note = checkpoints.sign(connection, signer, rfc3339(self._clock()))
        text, _ = signatures_of(note, [])
        return SignedCheckpoint(checkpoint_of(text), note), has_news

    def _proof(self, old: int, size: int) -> Sequence[bytes]:
        def read(store: Store) -> Sequence[bytes]:
            with store.database.reading() as connection:
                return merkle.consistency_proof(old, size, tree.reader(connection))

        return self._with_store(read)

    def _record(
        self, store: Store, signed: SignedCheckpoint, signer: Signer, accepted: Sequence[str]
    ) -> None:
        details = {
            "events": signed.checkpoint.size,
            "root": signed.checkpoint.root.hex(),
            "key": signer.verifier.vkey,
            "published": accepted,
        }
        store.append_event(KIND, details, now=self._clock())


def _published(store: Store) -> int:
    """Return the number of events of the last checkpoint that was published, 0 without one."""
    found = store.events(1, kinds=(KIND,))
    size = log_event_of(found[0]).details.get("events") if found else 0
    return size if isinstance(size, int) else 0


def _add(store: Store, size: int, lines: Sequence[str]) -> str:
    with store.database.writing() as connection:
        return cosignatures.add(connection, size, lines)


def _each(targets: Sequence[Any], deliver: Callable[[Any], str | None]) -> list[Outcome]:
    """Return the outcome of `deliver` for each of `targets`, all at the same time."""

    def outcome(target: Any) -> Outcome:
        try:
            return Outcome(target.name, cosignature=deliver(target) or "")
        except PolicydError as error:
            return Outcome(target.name, str(error))

    if not targets:
        return []
    with ThreadPoolExecutor(len(targets)) as threads:
        return list(threads.map(outcome, targets))
