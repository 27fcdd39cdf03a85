from __future__ import annotations

from policyd.audit.moments import Period
from policyd.audit.occupancy import (
    HostOccupancy,
    device_states,
    expiring_grants,
    occupancy,
    timelines,
)
from policyd.audit.visibility import Visibility
from policyd.inventory.hosts import Gpu, Host
from tests.support.held import at, granted, nanoseconds
from tests.unit.audit.conftest import pair

DAY = 86_400
HOSTS = {
    "gpu-01": Host("580", "13.0", tuple(Gpu(n, f"GPU-a{n}") for n in range(3))),
    "gpu-02": Host("580", "13.0", (Gpu(0, "GPU-b0"),)),
}
NOW = nanoseconds(1000)


def fill(store):
    """On gpu-01: GPU 0 is held by two projects, one of which has a lease, GPU 1 was held."""
    lease = granted("short", expires=at(3 * DAY))
    store.append_decision(*pair("d1", project="a", grants=(granted("long"),), seconds=10))
    store.append_decision(*pair("d2", project="b", grants=(lease,), repository="v/b", seconds=20))
    one = granted("one", devices=("1",), identities=("1",))
    store.append_decision(*pair("d3", project="c", grants=(one,), seconds=30))
    store.append_decision(*pair("d4", project="c", operation="DELETE", grants=(), seconds=40))


def test_hosts_have_held_free_double_booked_and_expiring_devices(store):
    fill(store)

    assert occupancy(store, HOSTS, NOW) == [
        HostOccupancy("gpu-01", devices=3, held=1, free=2, double_booked=1, expiring=1),
        HostOccupancy("gpu-02", devices=1, held=0, free=1, double_booked=0, expiring=0),
    ]
    assert occupancy(store, HOSTS, NOW, soon_days=2)[0].expiring == 0
    later = occupancy(store, HOSTS, nanoseconds(3 * DAY))[0]
    assert (later.held, later.double_booked, later.expiring) == (1, 0, 0)
    assert [
        one.host for one in occupancy(store, HOSTS, NOW, visibility=Visibility(hosts=("*2",)))
    ] == ["gpu-02"]


def test_devices_have_their_grants_now_and_at_a_time(store):
    fill(store)

    def services(**when):
        found = device_states(store, HOSTS, NOW, **when)
        return [[one.service for one in state.device.grants] for state in found]

    assert services() == [["short", "long"], [], [], []]
    assert services(at=at(30)) == [["short", "long"], ["one"], [], []]
    assert services(at=at(15)) == [["long"], [], [], []]
    first = device_states(store, HOSTS, NOW)[0]
    assert (first.double_booked, first.expires) == (True, at(3 * DAY))


def test_a_device_is_held_also_by_a_project_that_is_not_visible(store):
    fill(store)

    first = device_states(store, HOSTS, NOW, visibility=Visibility(("v/*",)))[0]
    assert [one.service for one in first.device.grants] == ["short"]
    assert (first.device.held, first.double_booked) == (True, True)
    hidden = device_states(store, HOSTS, NOW, visibility=Visibility(()))[0]
    assert (hidden.device.held, hidden.device.grants) == (True, ())


def test_grants_whose_lease_ends_soon_are_listed_first_end_first(store):
    fill(store)
    sooner = granted("sooner", expires=at(DAY))
    store.append_decision(*pair("d5", project="d", grants=(sooner,), seconds=50))

    def services(days, now=NOW, **options):
        return [one.service for one in expiring_grants(store, now, days, **options)]

    assert services(7) == ["sooner", "short"]
    assert services(1) == ["sooner"]
    assert services(7, visibility=Visibility(("v/*",))) == ["short"]
    assert services(7, now=nanoseconds(DAY)) == ["short"]


def test_the_timeline_of_a_host_ends_now(store):
    fill(store)

    def times(**options):
        hosts = {"gpu-01": HOSTS["gpu-01"]}
        found = timelines(store, hosts, Period(at(0), at(2000)), NOW, **options)
        return [[(one.service, one.start, one.end) for one in each.holdings] for each in found]

    assert times() == [
        [("long", at(10), at(1000)), ("short", at(20), at(1000))],
        [("one", at(30), at(40))],
        [],
    ]
    assert times(visibility=Visibility(("v/*",)))[1] == [("", at(30), at(40))]
    assert times(visibility=Visibility(hosts=("gpu-02",))) == []
