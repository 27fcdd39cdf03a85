from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policyd.audit import export
from policyd.audit.export import Position, last_position, pages, position_at
from policyd.audit.store import Store
from policyd.audit.tables import events


def test_events_are_read_oldest_first_in_pages(
    store: Store, record: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert last_position(store.database) == Position(0, "00" * 32)
    made = [record(f"d{number}", project=f"p{number}") for number in range(5)]
    monkeypatch.setattr(export, "PAGE", 2)

    read = list(pages(store.database, through=4))
    odd = list(pages(store.database, [events.c.sequence % 2 == 1], after=1, through=9))

    assert [[event.event_id for event in page] for page in read] == [["d0", "d1"], ["d2", "d3"]]
    assert [event.record for page in read for event in page] == made[:4]
    assert [[event.event_id for event in page] for page in odd] == [["d2", "d4"]]
    assert last_position(store.database) == Position(5, made[4].hash)
    assert position_at(store.database, 2) == Position(2, made[1].hash)
    assert position_at(store.database, 6) == Position(0, "00" * 32)
