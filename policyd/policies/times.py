"""Read and write the times of exceptions, in one form of RFC 3339, and durations of leases.

In: a YAML value. Out: nanoseconds since the epoch, and back. The only accepted form of a time is
2027-01-31T00:00:00Z, or with an offset, 2027-01-31T00:00:00+01:00. RFC 3339 also permits small
letters, fractions of seconds and the unknown offset -00:00: people and programs read these
differently.
"""

from __future__ import annotations

import datetime
import re
from typing import Final

from policyd.errors import PolicySetError
from policyd.lazy_pattern import lazy_pattern
from policyd.policies.yaml_documents import Value

YEARS: Final = range(2000, 2100)
"""An exception that ends later never ends, and one that starts earlier is a mistake."""

_FORM: Final = "2027-01-31T00:00:00Z"
_TIME: Final = lazy_pattern(
    r"([0-9]{4})-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
DURATION: Final = r"[1-9][0-9]{0,3}[hd]"
_DURATION: Final = lazy_pattern(DURATION)
_DURATION_FORM: Final = "hours or days, at most 9999, such as 12h or 30d"
_UNITS: Final = {"h": 3600, "d": 86_400}

_FAULTS: Final = (
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "it has no time of day"),
    (r"[0-9-]+(?:t.*|T[0-9:.,]+z)", "T and Z must be capital letters"),
    (r"[^ ]* .*", "the date and the time must be separated by T"),
    (r".*:[0-9]{2}[.,][0-9]+.*", "fractions of seconds are not supported"),
    (r".*T24:.*", "the hours end at 23"),
    (r".*:60(?:Z|[+-].*)?", "leap seconds are not supported"),
    (r".*-00:00", "the offset -00:00 means an unknown one"),
    (r".*T[0-9:]+", "it has no offset; Z means UTC"),
    (r".*T.*[+-](?:[0-9]{2}|[0-9]{4})", "the offset must have the form +01:00"),
)
"""What is wrong with a time, by a pattern of the whole text: the first that matches is reported."""


def read_time(value: Value) -> int:
    """Return a time in nanoseconds since the epoch. Raises PolicySetError for any other form."""
    if value.kind() != "a string":
        raise value.error(f"must be a time in the format {_FORM}, not {value.kind()}")
    text = value.text()
    found = _TIME.fullmatch(text)
    if not found or text.endswith("-00:00"):
        raise _malformed(value, text)
    if int(found[1]) not in YEARS:
        raise value.error(
            f"is {text!r}: the year must be between {YEARS.start} and {YEARS.stop - 1}"
        )
    try:
        when = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise _malformed(value, text, "there is no such day or time") from None
    return int(when.timestamp()) * 1_000_000_000


def read_duration(value: Value) -> str:
    """Return a duration in hours or days, such as 12h or 30d. Raises PolicySetError."""
    if value.kind() != "a string":
        raise value.error(f"must be {_DURATION_FORM}, not {value.kind()}")
    if not _DURATION.fullmatch(value.text()):
        raise value.error(f"is {value.text()!r}: it must be {_DURATION_FORM}")
    return value.text()


def nanoseconds_of(duration: str) -> int:
    """Return the nanoseconds of a duration that `read_duration` returned."""
    return int(duration[:-1]) * _UNITS[duration[-1]] * 1_000_000_000


def moment(nanoseconds: int) -> str:
    """Return a time in the format of RFC 3339: 2027-01-31T00:00:00Z."""
    when = datetime.datetime.fromtimestamp(nanoseconds // 1_000_000_000, datetime.UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _malformed(value: Value, text: str, otherwise: str = "") -> PolicySetError:
    faults = (fault for pattern, fault in _FAULTS if re.fullmatch(pattern, text, re.DOTALL))
    fault = next(faults, otherwise)
    return value.error(
        f"is {text!r}: it must be a time in the format {_FORM}{fault and f' ({fault})'}"
    )
