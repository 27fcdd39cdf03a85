"""Times of exceptions: one form is accepted, any other has a sentence."""

from __future__ import annotations

import pytest

from policyd.errors import PolicySetError
from policyd.policies.times import moment, nanoseconds_of, read_duration, read_time
from policyd.policies.yaml_documents import documents
from tests.support.cases import cases

EXPIRES = 1_801_353_600_000_000_000
"""2027-01-31T00:00:00Z in nanoseconds."""


def read(text: str) -> int:
    (document,) = documents(f"expires: {text}", "policyset.yaml")
    return read_time(document.mapping()["expires"])


@cases(
    ("text", "expected"),
    [
        ("2027-01-31T00:00:00Z", EXPIRES),
        ("'2027-01-31T00:00:00Z'", EXPIRES),
        ("2027-01-31T01:30:00+01:30", EXPIRES),
        ("2027-01-30T16:00:00-08:00", EXPIRES),
        ("2027-01-31T00:00:00+00:00", EXPIRES),
        ("2000-01-01T00:00:00Z", 946_684_800_000_000_000),
        ("2099-12-31T23:59:59Z", 4_102_444_799_000_000_000),
    ],
)
def test_a_time_in_rfc_3339_with_its_offset_is_read(text: str, expected: int) -> None:
    assert read(text) == expected
    assert read(moment(expected)) == expected


def duration(text: str) -> str:
    (document,) = documents(f"maxLease: {text}", "policyset.yaml")
    return read_duration(document.mapping()["maxLease"])


def test_a_duration_is_in_hours_or_days() -> None:
    assert nanoseconds_of(duration("12h")) == 12 * 3_600_000_000_000
    assert nanoseconds_of(duration("'9999d'")) == 9999 * 86_400_000_000_000


@cases(
    ("text", "found"),
    [
        ("30", "must be hours or days, at most 9999, such as 12h or 30d, not an integer"),
        *(
            (text, f"is '{text}': it must be hours or days, at most 9999, such as ")
            for text in ("0d", "10000h", "1w", "1.5d", "d", "12H", "-1d", "1d12h", "30 d")
        ),
    ],
)
def test_another_duration_is_an_error_at_its_place(text: str, found: str) -> None:
    with pytest.raises(PolicySetError) as caught:
        duration(text)

    assert str(caught.value).startswith(f"policyset.yaml:1:11: maxLease {found}")


WANTED = "it must be a time in the format 2027-01-31T00:00:00Z"


@cases(
    ("text", "message"),
    [
        ("2027-01-31", f"{WANTED} (it has no time of day)"),
        ("2027-01-31t00:00:00Z", f"{WANTED} (T and Z must be capital letters)"),
        ("2027-01-31T00:00:00z", f"{WANTED} (T and Z must be capital letters)"),
        ("tomorrow", WANTED),
        ("2027-01-31 00:00:00Z", f"{WANTED} (the date and the time must be separated by T)"),
        ("2027-01-31 00:00:00 +1", f"{WANTED} (the date and the time must be separated by T)"),
        ("2027-01-31T00:00:00", f"{WANTED} (it has no offset; Z means UTC)"),
        ("2027-01-31T00:00", f"{WANTED} (it has no offset; Z means UTC)"),
        ("2027-01-31T00:00:00.5Z", f"{WANTED} (fractions of seconds are not supported)"),
        ("2027-01-31T00:00:00-00:00", f"{WANTED} (the offset -00:00 means an unknown one)"),
        ("2027-01-31T00:00:00+01", f"{WANTED} (the offset must have the form +01:00)"),
        ("2027-01-31T00:00:00+0100", f"{WANTED} (the offset must have the form +01:00)"),
        ("2027-01-31T24:00:00Z", f"{WANTED} (the hours end at 23)"),
        ("2027-01-31T23:59:60Z", f"{WANTED} (leap seconds are not supported)"),
        ("2027-02-29T00:00:00Z", f"{WANTED} (there is no such day or time)"),
        ("2027-01-31T25:00:00Z", f"{WANTED} (there is no such day or time)"),
        ("2027-01-31T00:00:00+24:00", f"{WANTED} (there is no such day or time)"),
        ("20270131T000000Z", WANTED),
        ("2027-W05-1T00:00:00Z", WANTED),
        ("31.1.2027", WANTED),
        ("20270-01-31T00:00:00Z", WANTED),
        ("soon", WANTED),
        ("1999-12-31T23:59:59Z", "the year must be between 2000 and 2099"),
        ("2100-01-01T00:00:00Z", "the year must be between 2000 and 2099"),
        ("0000-01-01T00:00:00Z", "the year must be between 2000 and 2099"),
    ],
)
def test_any_other_form_is_refused_with_its_fault(text: str, message: str) -> None:
    with pytest.raises(PolicySetError) as caught:
        read(text)

    assert str(caught.value) == f"policyset.yaml:1:10: expires is {text!r}: {message}"


@cases(
    ("text", "kind"),
    [
        ("20270131", "an integer"),
        ("2027.5", "a number"),
        ("[2027-01-31T00:00:00Z]", "a list"),
        ("null", "null"),
        (
            "!!timestamp 2027-01-31T00:00:00Z",
            "a value with the tag tag:yaml.org,2002:timestamp",
        ),
    ],
)
def test_another_type_is_refused(text: str, kind: str) -> None:
    with pytest.raises(PolicySetError) as caught:
        read(text)

    assert str(caught.value) == (
        "policyset.yaml:1:10: expires must be a time in the format 2027-01-31T00:00:00Z, "
        f"not {kind}"
    )
