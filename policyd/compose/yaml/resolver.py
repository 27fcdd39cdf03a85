"""What a YAML scalar means to Docker: its text and tag in, a typed value out.

The rules are those of go-yaml v4 (internal/libyaml/resolver.go: resolve, constructor.go: scalar),
which differ from PyYAML's: `yes` and `22:22` are strings, `017`, `0o17` and `0x1F` integers, `08`
and `1e6` floats.
"""

from __future__ import annotations

import base64
import binascii
import codecs
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from policyd.lazy_pattern import lazy_pattern
from policyd.masking import MarkedError, in_quotes

LONG_TAG: Final = "tag:yaml.org,2002:"
RESOLVABLE: Final = frozenset({"str", "bool", "int", "float", "null", "timestamp"})

INT64: Final = range(-(2**63), 2**63)
UINT64: Final = range(2**64)
LONGEST_INTEGER: Final = 70
"""Longest text of a 64-bit integer: sign, "0b" and 64 digits; longer ones can only be floats."""


class Merge:
    """The value of a scalar `<<`, or one tagged `!!merge`: as a value it makes its entry vanish."""


MERGE: Final = Merge()


class Timestamp:
    """A YAML timestamp: a string to the schema, and never a string to a typed field.

    `go` is the text of Go's `fmt.Sprint`, `rfc3339` the text in JSON, `text` the text in the file.
    """

    __slots__ = ("go", "rfc3339", "text")

    def __init__(self, moment: datetime, fraction: str, text: str) -> None:
        self.text = text
        digits = fraction.rstrip("0")
        nanos = f".{digits}" if digits else ""
        zone = moment.strftime("%z")
        name = "UTC" if zone == "+0000" else zone
        date, time = f"{moment.year:04d}{moment:-%m-%d}", f"{moment:%H:%M:%S}{nanos}"
        self.go = f"{date} {time} {zone} {name}"
        suffix = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
        self.rfc3339 = f"{date}T{time}{suffix}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timestamp) and self.rfc3339 == other.rfc3339

    def __hash__(self) -> int:
        return hash(self.rfc3339)

    def __repr__(self) -> str:
        return f"Timestamp({self.rfc3339})"


_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys(("-0", "-0.0"), -0.0),
    "<<": MERGE,
}
_NUMERIC: Final = frozenset("0123456789+-")
TYPED_STARTS: Final = _NUMERIC | frozenset(("", *"nNtTfF~<."))
"""How plain scalars begin that may be something else than their text; "" is nothing at all."""

_NUMBER_LIKE: Final = lazy_pattern(r"[-+0-9a-fA-FxXoO._:tTZ, ]+\Z")
_INTEGER: Final = lazy_pattern(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]([0-7]+)|0([0-7]+)|(0|[1-9][0-9]*))\Z"
)
_FLOAT: Final = lazy_pattern(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_DOT_FLOAT: Final = lazy_pattern(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?\Z")
_TIMESTAMP: Final = lazy_pattern(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:([Tt]| +)([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]+))?"
    r"(Z|[-+][0-9]{2}:[0-9]{2})?)?\Z"
)


def resolve_plain(text: str) -> Any:
    """Return what the plain, untagged scalar `text` means."""
    first = text[:1]
    if first not in TYPED_STARTS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if first in _NUMERIC:
        if _NUMBER_LIKE.match(text) is None:
            return text
        moment = _timestamp(text)
        return _number(text) if moment is None else moment
    if first == "." and _DOT_FLOAT.match(text):
        return _finite(text)
    return text


def resolve_tagged(tag: str, text: str, quoted: bool) -> Any:
    """Return what the scalar `text` with the explicit `tag` means.

    Raises ValueError, with a sentence, when the text is not of the tag's type.
    """
    short = tag.removeprefix(LONG_TAG) if tag.startswith(LONG_TAG) else tag
    if short == "str" or (short == "!" and quoted):
        return text
    if short == "binary":
        return _binary(text)
    if short == "merge":
        return MERGE
    if short not in RESOLVABLE or not tag.startswith(LONG_TAG):
        return text
    value = resolve_plain(text) if short == "timestamp" else _untimed(text)
    found = _tag_of(value)
    if short == "float" and found == "int":
        return float(value)
    if found != short:
        raise MarkedError(f"cannot read {in_quotes(text)} as a !!{short}")
    return value


def _untimed(text: str) -> Any:
    """Resolve `text` as under an explicit tag, where timestamps are not tried."""
    if text and text[0] in _NUMERIC and text not in _WORDS:
        return _number(text)
    return resolve_plain(text)


def _tag_of(value: Any) -> str:
    if value is None:
        return "null"
    if value is MERGE:
        return "merge"
    for kind, tag in ((bool, "bool"), (int, "int"), (float, "float"), (str, "str")):
        if isinstance(value, kind):
            return tag
    return "timestamp"


def _number(text: str) -> Any:
    digits = text.replace("_", "")
    if len(digits) <= LONGEST_INTEGER and (match := _INTEGER.match(digits)):
        sign, hexadecimal, binary, octal, old_octal, decimal = match.groups()
        for body, base in (
            (hexadecimal, 16),
            (binary, 2),
            (octal, 8),
            (old_octal, 8),
            (decimal, 10),
        ):
            if body is not None:
                number = -int(body, base) if sign == "-" else int(body, base)
                if number in INT64 or (sign != "-" and number in UINT64):
                    return number
    if _FLOAT.match(digits):
        return _finite(digits, text)
    return text


def _finite(digits: str, text: str | None = None) -> Any:
    """Return the float, or the text where it is too large for one (Go: a range error)."""
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        return digits if text is None else text
    return number


def _timestamp(text: str) -> Timestamp | None:
    """Read the timestamp formats of go-yaml (resolver.go: allowedTimestampFormats)."""
    if len(text) < 8 or text[4] != "-" or not (match := _TIMESTAMP.match(text)):
        return None
    year, month, day, separator, hour, minute, second, fraction, zone = match.groups()
    if separator is not None and (separator[0] == " ") == (zone is not None):
        return None
    offset: timezone = UTC
    if zone and zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 24 or minutes > 60:
            return None
        delta = timedelta(hours=hours, minutes=minutes)
        if delta >= timedelta(hours=24):
            return None
        offset = timezone(-delta if zone[0] == "-" else delta)
    try:
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=offset,
        )
    except ValueError:
        return None
    return Timestamp(moment, (fraction or "")[:9], text)


def _replace_each_byte(error: UnicodeError) -> tuple[str, int]:
    """Replace each invalid byte, as Go does; "replace" makes one character of some sequences."""
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd" * (error.end - error.start), error.end


REPLACE_EACH_BYTE: Final = "policyd.replace_each_byte"
codecs.register_error(REPLACE_EACH_BYTE, _replace_each_byte)


def _binary(text: str) -> str:
    try:
        data = base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("!!binary value is not valid base64") from None
    return data.decode("utf-8", REPLACE_EACH_BYTE)
