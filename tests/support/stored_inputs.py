"""What every store of the audit log promises about the inputs of decisions.

Each function of CONTRACTS takes an empty store, records decisions and asserts what is found.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import pytest
from sqlalchemy import select, text, update

from policyd.audit.event import event_of
from policyd.audit.inputs import content_of, delete_inputs
from policyd.audit.store import Store
from policyd.audit.tables import inputs
from policyd.errors import NotFound
from policyd.model import RecordedInput
from tests.unit.audit.conftest import pair

Contract = Callable[[Store], None]
ONE: Final = RecordedInput("sha256:1", b"\x00one")
TWO: Final = RecordedInput("sha256:2", b"two")


def decide(store: Store, decision_id: str, recorded: RecordedInput | None) -> str:
    """Record a decision, and return the digest of the input that its event names."""
    record = store.append_decision(*pair(decision_id), recorded_input=recorded)
    return event_of(record).input.project.input


def used(store: Store) -> dict[str, str]:
    with store.database.reading() as connection:
        return {row.digest: row.used for row in connection.execute(select(inputs))}


def set_used(store: Store, day: str) -> None:
    with store.database.writing() as connection:
        connection.execute(update(inputs).values(used=day))


def keep_each_input_once(store: Store) -> None:
    assert decide(store, "d1", ONE) == "sha256:1"
    assert decide(store, "d2", TWO) == "sha256:2"
    assert decide(store, "d3", ONE) == "sha256:1"
    assert decide(store, "d4", None) == ""

    assert content_of(store.database, "sha256:1") == b"\x00one"
    assert content_of(store.database, "sha256:2") == b"two"
    assert list(used(store)) == ["sha256:1", "sha256:2"]
    with pytest.raises(NotFound, match="the input sha256:3 of the decision is not kept any more"):
        content_of(store.database, "sha256:3")
    assert store.verify().ok


def note_the_last_use(store: Store) -> None:
    decide(store, "d1", ONE)
    decide(store, "d2", TWO)
    set_used(store, "2020-01-01")
    store._here()._inputs._known.clear()  # as on the next day, or in another process

    decide(store, "d3", ONE)
    decide(store, "d4", RecordedInput(TWO.digest, b""))

    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert used(store) == {"sha256:1": today, "sha256:2": today}
    assert content_of(store.database, "sha256:2") == b"two"


def delete_inputs_without_touching_the_chain(store: Store) -> None:
    decide(store, "d1", ONE)
    set_used(store, "2020-01-01")
    decide(store, "d2", TWO)

    assert delete_inputs(store.database, "2020-01-01") == 0
    assert delete_inputs(store.database, "2020-01-02") == 1

    assert list(used(store)) == ["sha256:2"]
    assert len(store.decisions()) == 2
    assert store.verify().ok


def delete_inputs_that_were_not_used_for_the_retention(store: Store) -> None:
    decide(store, "d1", ONE)
    set_used(store, "2020-01-01")
    keeper = store._here()._inputs
    keeper._days, keeper._today = 90, "2026-01-01"  # another day has begun

    decide(store, "d2", TWO)

    assert list(used(store)) == ["sha256:2"]


def record_decisions_whose_inputs_cannot_be_kept(store: Store) -> None:
    with store.database.writing() as connection:
        connection.execute(text("DROP TABLE inputs"))

    assert decide(store, "d1", ONE) == "sha256:1"
    assert decide(store, "d2", RecordedInput("sha256:2", b"")) == "sha256:2"

    assert len(store.decisions()) == 2
    assert store.verify().ok


CONTRACTS: Final[tuple[Contract, ...]] = (
    keep_each_input_once,
    note_the_last_use,
    delete_inputs_without_touching_the_chain,
    delete_inputs_that_were_not_used_for_the_retention,
    record_decisions_whose_inputs_cannot_be_kept,
)
