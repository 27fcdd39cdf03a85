from __future__ import annotations

import pytest

from policyd import deadline
from policyd.audit import connecting


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"host": "127.0.0.1"}, {"host": "127.0.0.1", "hostaddr": "127.0.0.1", "port": "5432"}),
        (
            {"host": "::1,127.0.0.1", "port": "5433,5434"},
            {"host": "::1,127.0.0.1", "hostaddr": "::1,127.0.0.1", "port": "5433,5434"},
        ),
        (
            {"host": "::1,127.0.0.1", "port": 5433},
            {"host": "::1,127.0.0.1", "hostaddr": "::1,127.0.0.1", "port": "5433,5433"},
        ),
        ({"host": "/run/postgresql"}, {}),
        ({"host": "@policyd"}, {}),
        ({"host": "db.example", "hostaddr": "10.0.0.1"}, {}),
        ({}, {}),
    ],
)
def test_the_addresses_of_a_server_are_found_within_the_deadline(
    parameters: dict[str, object], expected: dict[str, str]
) -> None:
    assert connecting._resolved(parameters) == expected


def test_sqlite_waits_for_whole_seconds_while_there_are_any_and_not_beyond_the_deadline() -> None:
    assert connecting.busy_milliseconds() == 10_000
    with deadline.within(2.9):
        assert connecting.busy_milliseconds() == 2_000
    with deadline.within(0.9):
        assert connecting.busy_milliseconds() < 900
