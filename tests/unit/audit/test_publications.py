from __future__ import annotations

from policyd.audit.publications import Publication, last_event, publications
from tests.support.held import at
from tests.unit.audit.conftest import NOON

SECOND = 1_000_000_000


def test_an_empty_log_has_no_publication(store):
    assert last_event(store, "retention") is None
    assert publications(store) == {}


def test_each_place_has_the_last_checkpoint_that_it_accepted(store):
    for number, names in enumerate((["witnesses.a", "checkpoint_copies.b"], ["witnesses.a"]), 1):
        details = {"events": number * 10, "root": "00", "key": "k", "published": names}
        store.append_event("checkpoint", details, now=NOON + number * SECOND)

    assert publications(store) == {
        "witnesses.a": Publication(20, at(2)),
        "checkpoint_copies.b": Publication(10, at(1)),
    }


def test_the_last_event_of_a_kind_is_found(store):
    for number in (1, 2):
        store.append_event("retention", {"through": number}, now=NOON + number * SECOND)
    store.append_event("start", {}, now=NOON + 9 * SECOND)

    found = last_event(store, "retention")
    assert found is not None
    assert found.details == {"through": 2}
