"""What every store of the audit log promises about who held what, and when.

Each function of HELD takes an empty store, records decisions and asserts what is found. Times are
seconds after 2026-11-23T15:00:00Z.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from policyd.audit import (
    decision_counts,
    decision_rows,
    grant_summaries,
    log_state,
    occupancy,
    target_queries,
)
from policyd.audit.event import rfc3339
from policyd.audit.log_event import log_event_of
from policyd.audit.moments import Period
from policyd.audit.store import Store
from policyd.audit.visibility import Visibility
from policyd.model import Grant, GrantedDevices
from tests.unit.audit.conftest import NOON, pair


def at(seconds: int) -> str:
    """Return the time `seconds` after the first one of a log, RFC 3339."""
    return rfc3339(nanoseconds(seconds))


def nanoseconds(seconds: int) -> int:
    """Return the time `seconds` after the first one of a log, since the epoch."""
    return NOON + seconds * 1_000_000_000


def granted(service: str = "train", **fields: Any) -> Grant:
    """Return a grant of GPU 0 by a reservation, on a host without inventory."""
    given: dict[str, Any] = {
        "vendor": "nvidia",
        "method": "reservation",
        "devices": ("0",),
        "replicas": 1,
        "path": ("services", service),
        "identities": ("0",),
    }
    return Grant(service, **{**given, **fields})


def known(service: str, devices: GrantedDevices) -> Grant:
    """Return a grant of GPU 0 as it is on a host whose inventory knows its names."""
    aliases = {"0": ("00000000:18:00.0", "gpu-aa", "gpu0")}
    return granted(service, devices=devices, aliases=aliases)


def services(store: Store, **filters: Any) -> list[str]:
    """Return the services of the grants that `filters` find, whether they are held now or not."""
    return [one.service for one in store.grants(**{"active": False, **filters})]


def find_what_a_project_holds_on_a_host_now(store: Store) -> None:
    """The gate of a host gets the same records as a search for active grants."""
    leased = granted("a", expires=at(50), aliases={"0": ("gpu-aa",)}, exceptions=("night",))
    store.append_decision(*pair("d1", grants=(granted("old"),), seconds=10))
    store.append_decision(*pair("d2", grants=(leased, granted("b", devices="all")), seconds=20))
    store.append_decision(*pair("d3", grants=(granted("c"),), seconds=20, project="other"))
    store.append_decision(*pair("d4", grants=(granted("d"),), seconds=20, host="gpu-02"))
    store.append_decision(*pair("d5", grants=(granted("e"),), seconds=30, environment="test"))

    def in_force(seconds: int) -> list[str]:
        now = nanoseconds(seconds)
        found = store.grants_in_force("gpu-01", "train", now)
        assert found == store.grants(now=now, active=True, host="gpu-01", project="train")
        return [one.service for one in found]

    assert in_force(49) == ["e", "b", "a"]
    assert in_force(50) == ["e", "b"]
    store.append_decision(*pair("d6", operation="DELETE", grants=(), seconds=60))
    assert in_force(60) == ["e"]


def find_who_held_what_at_a_time(store: Store) -> None:
    """A grant is held from its time until before its end."""
    store.append_decision(*pair("d1", grants=(granted("a"),), seconds=10))
    store.append_decision(*pair("d3", grants=(granted("c"),), seconds=15, project="other"))
    store.append_decision(*pair("d2", grants=(granted("b"),), seconds=20))
    store.append_decision(*pair("d4", operation="DELETE", grants=(), seconds=30))

    moments = {second: services(store, at=at(second)) for second in (9, 10, 15, 19, 20, 29, 30)}
    assert moments == {
        9: [], 10: ["a"], 15: ["c", "a"], 19: ["c", "a"],
        20: ["b", "c"], 29: ["b", "c"], 30: ["c"],
    }  # fmt: skip
    assert services(store, period=Period(at(20), at(30))) == ["b", "c"]
    assert services(store, period=Period(at(10), at(15))) == ["a"]
    assert services(store, period=Period("", at(10))) == []
    assert services(store, period=Period(at(30), "")) == ["c"]
    assert services(store, at=at(15), project="train") == ["a"]
    assert services(store, active=True) == ["c"]
    assert [one.ended for one in store.grants(active=False)] == [at(30), "", at(20)]


def find_grants_by_user_and_exception(store: Store) -> None:
    """The exceptions of a grant are those without which it would have been denied."""
    needing = granted("needs", exceptions=("night", "own"))
    store.append_decision(
        *pair("d1", grants=(needing, granted("free")), exceptions=("night", "own", "unused"))
    )
    store.append_decision(*pair("d2", project="other", grants=(granted("other"),)))

    assert services(store, exception="night") == ["needs"]
    assert services(store, exception="nigh") == []
    assert services(store, exception="unused") == []
    assert services(store, exception="%") == []
    assert services(store, username="ci-bot") == ["other", "free", "needs"]
    assert services(store, username="ana") == []


def follow_pages_by_time(store: Store) -> None:
    """Pages follow one another, also where events have the same time."""
    for number, second in enumerate((10, 20, 20, 30)):
        grants = (granted("x"), granted("y"))
        store.append_decision(
            *pair(f"d{number}", project=f"p{number}", seconds=second, grants=grants)
        )

    records = store.decisions()
    assert [record.sequence for record in records] == [4, 3, 2, 1]
    found = [(one.sequence, one.position) for one in store.grants()]
    assert found == [(4, 1), (4, 0), (3, 1), (3, 0), (2, 1), (2, 0), (1, 1), (1, 0)]
    for number, record in enumerate(records):
        following = store.decisions(before=record.sequence)
        assert following == records[number + 1 :]
    for number, key in enumerate(found):
        page = store.grants(2, before=key)
        assert [(one.sequence, one.position) for one in page] == found[number + 1 : number + 3]
    assert store.decisions(before=10**9) == records


def end_grants_with_their_lease(store: Store) -> None:
    """A grant with a lease is held until then, and no event is needed to end it."""
    store.append_decision(
        *pair("d1", project="short", grants=(granted("short", expires=at(60)),), seconds=0)
    )
    store.append_decision(
        *pair("d2", project="long", grants=(granted("long", expires=at(600)),), seconds=0)
    )

    def states(second: int) -> dict[str, tuple[str, str]]:
        found = store.grants(active=False, now=nanoseconds(second))
        return {one.service: (one.state, one.ended) for one in found}

    assert states(59) == {"short": ("active", ""), "long": ("active", "")}
    assert states(60) == {"short": ("expired", at(60)), "long": ("active", "")}
    assert services(store, active=True, now=nanoseconds(60)) == ["long"]
    assert services(store, at=at(59)) == ["long", "short"]
    assert services(store, at=at(60)) == ["long"]
    for number, project in enumerate(("short", "long")):
        store.append_decision(*pair(f"e{number}", project=project, operation="DELETE", seconds=90))
    assert states(90) == {"short": ("expired", at(60)), "long": ("released", at(90))}
    assert [one.expires for one in store.grants(active=False)] == [at(600), at(60)]
    assert store.verify().problems == ()


def revoke_grants(store: Store) -> None:
    """A revoked grant ends with an event that says who revoked it and why."""
    both = (granted("a"), granted("b", expires=at(5)))
    store.append_decision(*pair("d1", grants=both))
    store.append_decision(*pair("d2", project="other", grants=(granted("c"),)))
    first = store.active_grant(1, 0)
    assert first is not None
    assert store.active_grant(1, 7) is None

    (record,) = store.revoke([first], now=nanoseconds(60), actor="ana", reason="maintenance")
    event = log_event_of(record)
    assert (record.sequence, record.kind, record.time) == (3, "grant-revoked", at(60))
    assert (event.actor, event.reason, event.details) == ("ana", "maintenance", {"grants": ["1.0"]})
    assert event.target == ("acme/train", "train", "prod", "gpu-01")
    assert store.active_grant(1, 0) is None

    records = store.revoke(store.grants(active=False), now=nanoseconds(90), actor="bo", reason="x")
    assert [log_event_of(one).details["grants"] for one in records] == [["2.0"], ["1.0", "1.1"]]
    found = store.grants(active=False, now=nanoseconds(100))
    assert {one.service: (one.state, one.ended) for one in found} == {
        "a": ("revoked", at(60)), "b": ("expired", at(5)), "c": ("revoked", at(90)),
    }  # fmt: skip
    store.append_decision(*pair("d3", grants=(granted("a"),), seconds=120))
    assert services(store, active=True) == ["a"]
    assert store.verify().problems == ()


def find_devices_that_were_double_booked(store: Store) -> None:
    """Two grants share a device only while both are held."""
    store.append_decision(*pair("d1", project="a", grants=(granted("a"),), seconds=0))
    store.append_decision(*pair("d2", project="b", grants=(granted("b"),), seconds=20))
    store.append_decision(*pair("d3", project="a", operation="DELETE", grants=(), seconds=30))
    store.append_decision(*pair("d4", project="c", grants=(granted("c"),), seconds=40))
    store.append_decision(*pair("d5", project="b", operation="DELETE", grants=(), seconds=50))

    assert services(store, double_booked=True, active=True) == []
    assert services(store, double_booked=True) == ["c", "b", "a"]
    assert services(store, double_booked=True, at=at(25)) == ["b", "a"]
    assert services(store, double_booked=True, at=at(35)) == []
    assert services(store, double_booked=True, period=Period(at(31), at(60))) == ["c", "b"]
    assert services(store, double_booked=True, period=Period("", at(40))) == ["b", "a"]


def record_the_first_use_of_an_exception(store: Store) -> None:
    """The first decision that an exception changes is followed by an event, later ones are not."""
    store.append_decision(*pair("d1", exceptions=("night", "own"), seconds=5))
    store.append_decision(*pair("d2", exceptions=("own",)))
    store.append_decision(*pair("d3", exceptions=("own",), policy_set="other"))

    records = store.events(kinds=["exception-used"])
    events = [log_event_of(record) for record in records]
    assert [record.sequence for record in records] == [6, 3, 2]
    assert [(event.details["exception"], event.details["decision"]) for event in events] == [
        ("own", "d3"), ("own", "d1"), ("night", "d1"),
    ]  # fmt: skip
    assert events[0].details["owner"] == "ml"
    assert (events[0].actor, events[0].target.project) == ("ci-bot", "train")
    assert [record.sequence for record in store.decisions(exception="own")] == [5, 4, 1]
    assert [record.sequence for record in store.decisions(exception="night")] == [1]
    assert store.verify().problems == ()


def find_decisions_by_time_place_and_device(store: Store) -> None:
    """Decisions are found by when and where they were made, and by what they granted."""
    store.append_decision(*pair("d1", grants=(granted("a"),), seconds=10))
    store.append_decision(*pair("d2", host="gpu-02", environment="dev", grants=(), seconds=20))
    store.append_decision(
        *pair("d3", host="gpu-02", grants=(granted("b", identities=("1",)),), seconds=30)
    )
    store.append_event("start", {"version": "1"}, now=nanoseconds(40))

    def found(**filters: Any) -> list[int]:
        return [record.sequence for record in store.decisions(**filters)]

    assert found() == [3, 2, 1]
    assert found(period=Period(at(20), at(30))) == [2]
    assert found(period=Period(at(20), "")) == [3, 2]
    assert found(period=Period("", at(20))) == [1]
    assert found(host="gpu-02") == [3, 2]
    assert found(environment="dev") == [2]
    assert found(username="ci-bot", host="gpu-01") == [1]
    assert found(username="ana") == []
    assert found(gpu="0") == [1]
    assert found(gpu="1", host="gpu-02") == [3]
    assert [record.kind for record in store.events()] == ["start", *["decision"] * 3]
    assert [record.sequence for record in store.events(kinds=["start"])] == [4]
    assert store.events(kinds=["start"], period=Period("", at(40))) == []


def find_the_newest_events_of_kinds(store: Store) -> None:
    """Events of several kinds are pages in the order of their times, for each reader."""
    for number in range(4):
        place = {"repository": "ml/a" if number % 2 else "bio/b", "grants": ()}
        store.append_decision(*pair(f"d{number}", **place, seconds=10 * number))
        if number == 1:
            store.append_event("start", {}, now=nanoseconds(12))
        store.append_event("stop", {}, now=nanoseconds(10 * number + 5))

    def found(limit: int = 50, **given: Any) -> list[int]:
        return [record.sequence for record in store.events(limit, **given)]

    assert found() == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert found(kinds=("start", "stop")) == [9, 7, 5, 4, 2]
    assert found(kinds=("start", "stop"), period=Period(at(5), at(15))) == [4, 2]
    assert found(period=Period(at(5), at(15))) == [4, 3, 2]
    assert found(2, kinds=("decision", "stop")) == [9, 8]
    assert found(2, kinds=("decision", "stop"), before=8) == [7, 6]
    assert found(3, kinds=("decision", "start", "stop"), before=5) == [4, 3, 2]
    assert found(kinds=("stop",), before=5) == [2]
    own = Visibility(("ml/**",))
    assert found(visibility=own) == found(kinds=("start", "decision"), visibility=own) == [8, 3]
    assert found(1, kinds=("decision",), visibility=own, before=8) == [3]
    assert found(kinds=("start", "stop"), visibility=own) == []
    assert found(visibility=own, period=Period(at(11), "")) == [8]


def find_the_grants_that_a_reader_may_see(store: Store) -> None:
    """A reader sees the same grants with every filter, however few they are."""
    for number, name in enumerate(("ml/a", "bio/b", "ml/c")):
        host = f"gpu-{number % 2}"
        store.append_decision(
            *pair(f"d{number}", repository=name, host=host, grants=(granted(name),), seconds=number)
        )
    store.append_decision(*pair("d3", repository="ml/a", host="gpu-0", operation="DELETE",
                                grants=(), seconds=9))  # fmt: skip
    ml, none = Visibility(("ml/**",)), Visibility(("no/**",), hosts=("gpu-1",))

    assert services(store, active=True, visibility=ml) == ["ml/c"]
    assert services(store, active=False, visibility=ml) == ["ml/c", "ml/a"]
    assert services(store, active=False, visibility=ml, host="gpu-0", repository="ml/a") == ["ml/a"]
    assert services(store, active=False, visibility=ml, host="gpu-1") == []
    assert services(store, active=False, visibility=Visibility(hosts=("gpu-1",))) == ["bio/b"]
    assert services(store, visibility=ml, at=at(1), active=False) == ["ml/a"]
    assert services(store, visibility=ml, period=Period(at(9), ""), active=False) == ["ml/c"]
    assert (
        services(store, active=False, visibility=none)
        == services(store, active=True, visibility=none)
        == []
    )
    page = store.grants(1, active=False, visibility=ml, before=(3, 0))
    assert [record.service for record in page] == ["ml/a"]


def keep_documents_once(store: Store) -> None:
    """A document is found by its digest, however often it was stored."""
    digest = store.keep_document(b"rules")

    assert store.keep_document(b"rules") == digest
    assert digest == f"sha256:{hashlib.sha256(b'rules').hexdigest()}"
    assert store.document(digest) == b"rules"


def count_and_summarize_for_the_console(store: Store) -> None:
    """Counts, states of targets and of the log are the same on every database."""
    store.append_decision(*pair("d1", allowed=False, policies=("no-a",), seconds=1))
    store.append_decision(*pair("d2", allowed=False, policies=("no-a",), seconds=2, host="h"))
    lease = granted("train", expires=at(600))
    store.append_decision(*pair("d3", grants=(lease,), seconds=3))
    own = Visibility(("acme/*",), hosts=("gpu-*",))

    rows = decision_rows.decision_page(store.database, visibility=own).rows
    assert [one.decision_id for one in rows] == ["d3", "d1"]
    counted = decision_counts.facets(store, visibility=own)
    assert counted.verdict == (("allowed", 1), ("denied", 1))
    hits = decision_counts.policy_hits(store, at(0), visibility=own)
    assert (hits.by_policy(), hits.denied_by_policy()) == ({"no-a": 1}, {"no-a": 1})
    found = target_queries.target_states(store, 1, visibility=own)
    assert [(one.decision_id, one.violations) for one in found.items] == [("d3", 0)]
    page = target_queries.target_states(store, 1)
    assert [one.decision_id for one in page.items] == ["d3"]
    following = target_queries.target_states(store, 1, after=page.after)
    assert [(one.decision_id, one.denying) for one in following.items] == [("d2", 1)]
    assert target_queries.open_violation_groups(store, visibility=own) == []
    (group,) = target_queries.open_violation_groups(store, denies=True)
    assert (group.policy, group.first, group.decision_id) == ("no-a", at(2), "d2")
    assert len(occupancy.expiring_grants(store, nanoseconds(10), 1, visibility=own)) == 1
    state = log_state.log_state(store)
    assert (state.events, state.first, state.last) == (3, at(1), at(3))
    assert state.size > 0


def summarize_finished_days(store: Store) -> None:
    """Usage of several days is read from their summaries, and is what the grants say."""
    day = 86_400
    store.append_decision(*pair("d1", grants=(granted("a"), granted("b")), seconds=0))
    store.append_decision(*pair("d2", grants=(granted("c"),), seconds=day, project="other"))
    store.append_decision(*pair("d3", operation="DELETE", grants=(), seconds=3 * day))

    with store.database.reading() as connection:
        found = grant_summaries.holders(connection, Period(at(3600), at(4 * day)))
        assert {(one.project, held.grants): held.times for one, held in found.items()} == {
            ("train", 2): [nanoseconds(3600), nanoseconds(3 * day)],
            ("other", 1): [nanoseconds(day), nanoseconds(4 * day)],
        }
        later = Period(at(2 * day), at(2 * day + 1))
        records = grant_summaries.held_grants(connection, later, at(4 * day), most=9)
        assert [one.service for one in records] == ["c", "b", "a"]
    assert store.verify().problems == ()


HELD: Final = (
    summarize_finished_days,
    count_and_summarize_for_the_console,
    find_what_a_project_holds_on_a_host_now,
    find_who_held_what_at_a_time,
    find_grants_by_user_and_exception,
    follow_pages_by_time,
    end_grants_with_their_lease,
    revoke_grants,
    find_devices_that_were_double_booked,
    record_the_first_use_of_an_exception,
    find_decisions_by_time_place_and_device,
    find_the_newest_events_of_kinds,
    find_the_grants_that_a_reader_may_see,
    keep_documents_once,
)
