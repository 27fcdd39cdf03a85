from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from policyd.audit import decision_log_delivery, decision_queries
from policyd.audit.decision_log_delivery import Delivery
from policyd.audit.export import Position, position_at
from policyd.audit.export_state import ExportState
from policyd.audit.store import Store
from policyd.errors import DeliveryError
from policyd.http_endpoint import Endpoint
from tests.support.http_recorder import DROP, Recorder, Reply, Seen, recorder
from tests.unit.audit.conftest import pair

DECISIONS = decision_queries.conditions({})


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recorder() as running:
        yield running


@pytest.fixture
def said() -> list[str]:
    """What the delivery complained about."""
    return []


@pytest.fixture
def waits() -> list[float]:
    """The pauses that were made."""
    return []


@pytest.fixture
def delivery(
    store: Store, server: Recorder, tmp_path: Path, said: list[str], waits: list[float]
) -> Callable[..., Delivery]:
    """A function that makes a delivery of the decisions of `store` to `server`."""

    def make(last_wait: int = 100, patience: float | None = 10.0) -> Delivery:
        def wait(seconds: float) -> bool:
            waits.append(seconds)
            return len(waits) >= last_wait

        state = ExportState(str(tmp_path / "state.json"))
        return Delivery(
            store.database,
            Endpoint(server.url, "--to"),
            state,
            DECISIONS,
            wait=wait,
            complain=said.append,
            patience=patience,
        )

    return make


def ids(seen: list[Seen]) -> list[list[str]]:
    """Return the ids of the decisions of each batch."""
    assert {(one.method, one.headers["content-encoding"]) for one in seen} <= {("POST", "gzip")}
    batches = [json.loads(gzip.decompress(one.body)) for one in seen]
    return [[event["decision_id"] for event in batch] for batch in batches]


def test_decisions_are_delivered_in_order_once(
    store: Store, server: Recorder, delivery: Callable[..., Delivery]
) -> None:
    for number in range(3):
        store.append_decision(*pair(f"d{number}", project=f"p{number}"))
    store.append_event("stop", {}, now=0)
    first = delivery()
    first.deliver()
    store.append_decision(*pair("d3", project="p3"))
    second = delivery()
    second.deliver()
    second.deliver()

    assert ids(server.seen) == [["d0", "d1", "d2"], ["d3"]]
    assert server.seen[0].headers["content-type"] == "application/json"
    (event,) = json.loads(gzip.decompress(server.seen[1].body))
    assert event["result"]["allowed"] is True
    assert (first.delivered, first.position) == (3, position_at(store.database, 4))
    assert (second.delivered, second.position) == (1, position_at(store.database, 5))


def test_a_batch_is_repeated_until_it_is_accepted(
    store: Store,
    server: Recorder,
    delivery: Callable[..., Delivery],
    said: list[str],
    waits: list[float],
) -> None:
    store.append_decision(*pair("d0"))
    server.replies = [Reply(503), Reply(429, {"Retry-After": "3"}), Reply(DROP)]

    delivery().deliver()

    assert ids(server.seen) == [["d0"]] * 4
    assert waits == [1.0, 3.0, 4.0]
    assert said == [
        f"{server.url} answered with status 503; the next attempt is in 1 s",
        f"{server.url} answered with status 429; the next attempt is in 3 s",
        f"{server.url} cannot be reached, or did not answer; the next attempt is in 4 s",
    ]


def test_a_killed_delivery_continues_with_what_was_not_accepted(
    store: Store,
    server: Recorder,
    delivery: Callable[..., Delivery],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decision_log_delivery, "MAX_BATCH", 1)
    for number in range(4):
        store.append_decision(*pair(f"d{number}", project=f"p{number}"))
    server.replies = [Reply(), Reply(), Reply(400)]

    with pytest.raises(DeliveryError) as caught:
        delivery().deliver()
    assert delivery().position == position_at(store.database, 2)
    delivery().deliver()

    assert str(caught.value) == (
        f"{server.url} answered with status 400; the decisions after event 2 were not delivered"
    )
    assert ids(server.seen) == [["d0"], ["d1"], ["d2"], ["d2"], ["d3"]]


def test_a_batch_that_is_too_large_is_halved(
    store: Store, server: Recorder, delivery: Callable[..., Delivery]
) -> None:
    for number in range(3):
        store.append_decision(*pair(f"d{number}", project=f"p{number}"))
    server.replies = [Reply(413), Reply(), Reply(413)]

    delivery().deliver()

    assert ids(server.seen) == [["d0", "d1", "d2"], ["d0"], ["d1", "d2"], ["d1"], ["d2"]]


def test_a_delivery_without_success_gives_up(
    store: Store, server: Recorder, delivery: Callable[..., Delivery]
) -> None:
    store.append_decision(*pair("d0"))
    server.last = Reply(500)

    with pytest.raises(DeliveryError) as caught:
        delivery().deliver()

    assert str(caught.value) == (f"{server.url} answered with status 500; gave up after 4 attempts")
    assert delivery().position == Position()


def test_a_delivery_that_follows_ends_when_it_is_told(
    store: Store, server: Recorder, delivery: Callable[..., Delivery], waits: list[float]
) -> None:
    store.append_decision(*pair("d0"))
    server.replies = [Reply(500)] * 9
    ended = delivery(last_wait=8, patience=None)
    ended.follow(5.0)

    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert (ended.is_over, ended.delivered) == (True, 0)
    waits.clear()
    following = delivery(last_wait=4, patience=None)
    following.follow(5.0)
    assert (following.delivered, waits) == (1, [1.0, 5.0, 5.0, 5.0])


def test_the_log_must_be_the_one_that_was_delivered(
    store: Store, server: Recorder, delivery: Callable[..., Delivery], tmp_path: Path
) -> None:
    store.append_decision(*pair("d0"))
    (tmp_path / "state.json").write_text('{"sequence": 1, "hash": "00"}')

    with pytest.raises(DeliveryError) as caught:
        delivery().deliver()

    assert str(caught.value) == (
        f"{store.name} is not the log whose events up to 1 were delivered: it does not have that "
        "event with its hash; see `policyd audit verify`"
    )
    assert server.seen == []
