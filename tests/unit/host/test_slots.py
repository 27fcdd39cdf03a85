from __future__ import annotations

import pytest

from policyd.host.slots import STARTING_SECONDS, Slots


class Host:
    """What runs, and the time."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.now = 0.0

    def slots(self) -> Slots:
        return Slots(lambda *_: self.running, lambda: self.now)


@pytest.fixture
def host():
    return Host()


def test_as_many_containers_start_as_were_granted(host):
    slots = host.slots()

    assert [slots.take(name, name, "p", "s", 2) for name in ("a", "b", "c")] == [0, 1, 2]


def test_running_containers_count_but_not_twice_and_not_the_container_itself(host):
    slots = host.slots()
    host.running = ["a", "b"]

    assert slots.take("b", "b", "p", "s", 2) == 1
    assert slots.take("c", "c", "p", "s", 2) == 2


def test_other_services_do_not_count(host):
    slots = host.slots()
    slots.take("a", "a", "p", "s", 1)

    assert slots.take("b", "b", "p", "other", 1) == 0


def test_a_start_that_ended_does_not_count(host):
    slots = host.slots()
    slots.take("a", "a", "p", "s", 1)
    slots.release("a")

    assert slots.take("b", "b", "p", "s", 1) == 0


def test_a_start_whose_end_is_not_reported_counts_for_a_while(host):
    slots = host.slots()
    slots.take("a", "a", "p", "s", 1)

    assert slots.take("b", "b", "p", "s", 1) == 1
    host.now = STARTING_SECONDS
    assert slots.take("b", "b", "p", "s", 1) == 0
