from __future__ import annotations

import pytest

from policyd.audit.event import rfc3339
from policyd.audit.moments import Period, nanoseconds, read_moment, read_period, read_when
from policyd.errors import RequestError
from tests.support.cases import cases


@cases(
    ("text", "moment"),
    [
        ("2026-03-01", "2026-03-01T00:00:00.000000000Z"),
        ("2026-03-01T08:30:00Z", "2026-03-01T08:30:00.000000000Z"),
        ("2026-03-01T08:30:00.5Z", "2026-03-01T08:30:00.500000000Z"),
        ("2026-03-01T08:30:00.123456789Z", "2026-03-01T08:30:00.123456789Z"),
        ("2026-03-01T00:30:00+01:00", "2026-02-28T23:30:00.000000000Z"),
        ("0999-01-01", "0999-01-01T00:00:00.000000000Z"),
    ],
)
def test_a_time_is_read_in_one_way(text: str, moment: str) -> None:
    assert read_moment(text, "--at") == moment


@cases(
    ("text", "fault"),
    [
        ("", "is not a date such as 2026-03-01, or a time such as 2026-03-01T08:00:00Z"),
        ("yesterday", "is not a date such as"),
        ("2026-3-1", "is not a date such as"),
        ("2026-03-01T08:00Z", "is not a date such as"),
        ("2026-03-01T08:00:00", "is not a date such as"),
        ("2026-03-01 08:00:00Z", "is not a date such as"),
        ("2026-03-01T08:00:00Z\n", "is not a date such as"),
        ("2026-03-01T08:00:00-00:00", "has the offset -00:00, which means an unknown one"),
        ("2026-02-30", ": there is no such day or time"),
        ("2026-03-01T24:00:00Z", ": there is no such day or time"),
        ("0001-01-01T00:00:00+05:00", ": there is no such day or time"),
    ],
)
def test_any_other_time_is_refused_with_the_name_of_its_option(text: str, fault: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_moment(text, "--at")
    assert str(caught.value).startswith(f"--at: {text!r}")
    assert fault in str(caught.value)


def test_a_period_ends_after_it_begins() -> None:
    names = ("--since", "--until")
    march = read_period("2026-03-01", "2026-04-01", names)

    assert march == ("2026-03-01T00:00:00.000000000Z", "2026-04-01T00:00:00.000000000Z")
    assert read_period(None, None, names) == Period("", "")
    with pytest.raises(RequestError) as caught:
        read_period("2026-03-01", "2026-03-01", names)
    assert str(caught.value) == "--until must be after --since"


def test_a_moment_excludes_a_period() -> None:
    assert read_when("2026-03-01", None, None) == ("2026-03-01T00:00:00.000000000Z", ("", ""))
    assert read_when(None, None, None) == ("", ("", ""))
    with pytest.raises(RequestError) as caught:
        read_when("2026-03-01", None, "2026-03-02", "--")
    assert str(caught.value) == "--at cannot be combined with --since and --until"


def test_nanoseconds_are_those_of_the_log() -> None:
    assert nanoseconds(rfc3339(1_795_446_000_123_456_789)) == 1_795_446_000_123_456_789
