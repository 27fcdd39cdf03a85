"""Read and write byte sizes and durations as Compose does.

In: the text of a size ("512m") or a duration ("1m30s"). Out: bytes or nanoseconds as integers, and
the text of a duration. Source: docker/go-units size.go, go-str2duration, Go time.
"""

from __future__ import annotations

import contextlib
import math
import re

from policyd.compose.limits import MAX_DURATION_CHARACTERS
from policyd.compose.text.scalars import MAX_INT64, ScalarError, parse_float, parse_int, quoted
from policyd.lazy_pattern import lazy_pattern

_FACTORS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_SUFFIXES = {"": 1, "b": 1} | {
    unit + ending: factor for unit, factor in _FACTORS.items() for ending in ("", "b", "ib")
}
_SIZE = lazy_pattern(r"(.*[0-9. ])(.*)\Z", re.DOTALL)
# In bytes: the Kelvin sign, which counts as "k", has three.
_LONGEST_SUFFIX = 3

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3_600 * 1_000_000_000,
    "d": 86_400 * 1_000_000_000,
    "w": 604_800 * 1_000_000_000,
}
_PART = lazy_pattern(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")


def parse_size(text: str) -> int:
    """Return the number of bytes that `text` spells: "-1", "1048576", "1.5 GiB", "64kb", "1e9".

    Units are powers of 1024, in any letter case. Fractions of a byte are cut off. Raises
    ScalarError, also for a size that does not fit in 64 bits.
    """
    match = _SIZE.match(text)
    if match is None:
        raise _not_a_size(text)
    number, suffix = match[1].removesuffix(" "), match[2]
    if not suffix:
        with contextlib.suppress(ScalarError):
            return parse_int(text)
    factor = _SUFFIXES.get(suffix.lower())
    if factor is None or len(suffix.encode("utf-8", "surrogatepass")) > _LONGEST_SUFFIX:
        raise _not_a_size(text)
    try:
        size = parse_float(number) * factor
    except ScalarError:
        raise _not_a_size(text) from None
    if size < 0:
        raise ScalarError(f"{quoted(text)} is negative, and a size cannot be negative")
    if math.isnan(size) or size >= MAX_INT64:
        raise ScalarError(f"{quoted(text)} does not fit in 64 bits")
    return int(size)


def _not_a_size(text: str) -> ScalarError:
    return ScalarError(
        f"{quoted(text)} is not a size: write bytes, or a number and k, m, g, t or p"
    )


def parse_duration(text: str) -> int:
    """Return the nanoseconds that `text` spells: "1m30s", "-1.5h", "2d", "1w", "0".

    Raises ScalarError for a number without a unit, an unknown unit and what exceeds 64 bits.
    """
    if len(text) > MAX_DURATION_CHARACTERS:
        raise _not_a_duration(text)
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    total = position = 0
    while position < len(rest) or position == 0:
        part = _PART.match(rest, position)
        if part is None or not (part[1] or part[2]) or part[3] not in _UNITS:
            raise _not_a_duration(text)
        total += _nanoseconds(part[1], part[2] or "", _UNITS[part[3]])
        if total > MAX_INT64:
            raise _not_a_duration(text)
        position = part.end()
    return -total if negative else total


def _nanoseconds(whole: str, fraction: str, unit: int) -> int:
    value = int(whole.lstrip("0")[:20] or "0") * unit
    if not fraction:
        return value
    # Go ignores the digits after the one that would overflow 64 bits.
    digits = 0
    scale = 1.0
    for digit in fraction:
        if digits > MAX_INT64 // 10 or digits * 10 + int(digit) > MAX_INT64:
            break
        digits = digits * 10 + int(digit)
        scale *= 10
    return value + int(float(digits) * (unit / scale))


def _not_a_duration(text: str) -> ScalarError:
    return ScalarError(f"{quoted(text)} is not a duration: write a number and a unit, such as 90s")


def format_duration(nanoseconds: int) -> str:
    """Return a duration as Go prints it: "0s", "1.5ms", "1m30s", "26h0m0s"."""
    sign = "-" if nanoseconds < 0 else ""
    value = abs(nanoseconds)
    if value == 0:
        return "0s"
    for unit, size in (("ns", 1), ("\u00b5s", 1_000), ("ms", 1_000_000)):
        if value < size * 1_000:
            return f"{sign}{_fraction(value, size)}{unit}"
    minutes, rest = divmod(value, _UNITS["m"])
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_fraction(rest, _UNITS['s'])}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}"
    return f"{sign}{minutes}m{seconds}" if minutes else sign + seconds


def _fraction(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)
