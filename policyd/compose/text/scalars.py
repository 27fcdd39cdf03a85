"""Parse and format single values as Go and Compose do: integers, floats, booleans.

In: the text of a scalar, or a Python value of YAML. Out: the value, or its text. Source: Go strconv
and fmt, compose-go v2.16.2 loader/interpolate.go.
"""

from __future__ import annotations

import math
import re
import struct

from policyd.lazy_pattern import lazy_pattern
from policyd.masking import MarkedError, in_quotes

MAX_INT64 = (1 << 63) - 1
MIN_INT64 = -(1 << 63)

SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""The characters for which unicode.IsSpace of Go is true. str.isspace accepts more."""

_SINGLE = struct.Struct("<f")

_SHOWN = 80

_DIGITS = {8: lazy_pattern(r"([+-]?)([0-7]+)"), 10: lazy_pattern(r"([+-]?)([0-9]+)")}
_DIGIT_COUNT = {8: 22, 10: 19}

_UNSIGNED = {
    16: lazy_pattern(r"0[xX]((?:_?[0-9a-fA-F])+)"),
    2: lazy_pattern(r"0[bB]((?:_?[01])+)"),
    8: lazy_pattern(r"0(?:[oO](?=.))?((?:_?[0-7])*)"),
    10: lazy_pattern(r"([1-9](?:_?[0-9])*)"),
}
_UINT32 = 1 << 32
_MAX_UINT32_DIGITS = 32

_DECIMAL = lazy_pattern(
    r"[+-]?(?:[0-9]+(?:_[0-9]+)*(?:\.(?:[0-9]+(?:_[0-9]+)*)?)?|\.[0-9]+(?:_[0-9]+)*)"
    r"(?:[eE][+-]?[0-9]+(?:_[0-9]+)*)?"
)
_HEXADECIMAL = lazy_pattern(
    r"[+-]?0[xX](?:_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*(?:\.(?:[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)?)?"
    r"|\.[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)[pP][+-]?[0-9]+(?:_[0-9]+)*"
)
_SPECIAL = lazy_pattern(r"[+-]?(?:inf|infinity)|nan", re.IGNORECASE | re.ASCII)

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
"""The pattern of an IPv4 address."""
_IPV4 = lazy_pattern(IPV4)

_BOOLEANS = {"true": True, "false": False}
_BOOLEAN_WORDS = {"y": True, "yes": True, "on": True, "n": False, "no": False, "off": False}
_FLAGS = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "FALSE", "false", "False"), False
)


class ScalarError(MarkedError):
    """A text that is not of the expected type. The message says what was found and expected."""


def quoted(text: str) -> str:
    """Return `text`, a value, in quotes and on one line, truncated for a message."""
    return in_quotes(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def parse_int(text: str, base: int = 10) -> int:
    """Return the 64-bit integer that `text` spells in `base` (8 or 10), as strconv.ParseInt does.

    A sign and leading zeros are allowed; blanks, underscores and prefixes are not. Raises
    ScalarError.
    """
    match = _DIGITS[base].fullmatch(text)
    if match is None:
        kind = "an octal" if base == 8 else "a decimal"
        raise ScalarError(f"{quoted(text)} is not {kind} integer")
    digits = match[2].lstrip("0") or "0"
    value = int(digits[: _DIGIT_COUNT[base] + 1], base)
    value = -value if match[1] == "-" else value
    if not MIN_INT64 <= value <= MAX_INT64 or len(digits) > _DIGIT_COUNT[base]:
        raise ScalarError(f"{quoted(text)} does not fit in 64 bits")
    return value


def parse_umask(text: str) -> int:
    """Return the 32-bit number that `text` spells, as strconv.ParseUint does with base 0.

    A leading `0` or `0o` makes it octal, `0x` hexadecimal, `0b` binary; `_` may separate digits.
    Raises ScalarError.
    """
    for base, pattern in _UNSIGNED.items():
        if match := pattern.fullmatch(text):
            digits = match[1].replace("_", "").lstrip("0") or "0"
            value = int(digits, base) if len(digits) <= _MAX_UINT32_DIGITS else _UINT32
            if value >= _UINT32:
                raise ScalarError(f"{quoted(text)} does not fit in 32 bits")
            return value
    raise ScalarError(
        f"{quoted(text)} is not a umask: write an octal number with a leading 0, such as '022'"
    )


def parse_float(text: str) -> float:
    """Return the float that `text` spells, as strconv.ParseFloat does: "1_0.5", "0x1p-2", "inf".

    Raises ScalarError, also when the value is too large for 64 bits.
    """
    if _DECIMAL.fullmatch(text):
        value = float(text)
    elif _HEXADECIMAL.fullmatch(text):
        try:
            value = float.fromhex(text.replace("_", ""))
        except OverflowError:
            value = math.inf
    elif _SPECIAL.fullmatch(text):
        return float(text)
    else:
        raise ScalarError(f"{quoted(text)} is not a number")
    if math.isinf(value):
        raise ScalarError(f"{quoted(text)} is too large a number")
    return value


def parse_float32(text: str) -> float:
    """Return what `text` spells, rounded to 32 bits (see `round_float32`). Raises ScalarError."""
    value = round_float32(parse_float(text))
    if math.isinf(value) and not _SPECIAL.fullmatch(text):
        raise ScalarError(f"{quoted(text)} is too large a number")
    return value


def round_float32(value: float) -> float:
    """Return the float with the fewest digits that is the same 32-bit float as `value`.

    It prints as Go prints a float32: 0.1, not 0.10000000149011612. Too large a value is infinite.
    """
    single = _single(value)
    if math.isnan(single) or math.isinf(single):
        return single
    digits = 1
    while _single(shortest := float(f"{single:.{digits}g}")) != single:
        digits += 1
    return shortest


def _single(value: float) -> float:
    try:
        return float(_SINGLE.unpack(_SINGLE.pack(value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def parse_bool(text: str) -> tuple[bool, bool]:
    """Return the boolean that `text` means in Compose, and whether Compose warns of that word.

    true and false; with a warning y, yes, on, n, no, off; in any letter case. Raises ScalarError.
    """
    word = text.lower()
    if word in _BOOLEANS:
        return _BOOLEANS[word], False
    if word in _BOOLEAN_WORDS:
        return _BOOLEAN_WORDS[word], True
    raise ScalarError(f"{quoted(text)} is not a boolean: write true or false")


def is_ip_address(text: str) -> bool:
    """Return whether net.ParseIP accepts `text`: an IP address, no zone, no leading zeros."""
    return bool(_IPV4.fullmatch(text)) or is_ipv6(text)


def is_ipv6(text: str) -> bool:
    """Return whether `text` is an IPv6 address without a zone."""
    if ":" not in text or "%" in text:
        return False
    import ipaddress  # here, because few projects have such an address

    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


def parse_flag(text: str) -> bool:
    """Return the boolean of an environment variable such as COMPOSE_DISABLE_ENV_FILE.

    Such a variable accepts what strconv.ParseBool accepts: 1, t, T, true, True, TRUE and their
    opposites. Raises ScalarError.
    """
    if text not in _FLAGS:
        raise ScalarError(f"{quoted(text)} is not a boolean: write true or false")
    return _FLAGS[text]


def to_text(value: str | bool | int | float) -> str:
    """Return `value` as the text that Compose makes of it, as fmt.Sprint of Go does.

    "true", "15", "1.1", "1e+06", "-0".
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_float(value)
    return str(value)


def format_float(value: float) -> str:
    """Return `value` as Go's %v prints it: the shortest digits, an exponent below 1e-4 or from 1e6.

    The exponent has at least two digits.
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    mantissa, _, exponent = repr(value).partition("e")
    sign = "-" if mantissa[0] == "-" else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    significant = (whole + fraction).lstrip("0")
    digits = significant.rstrip("0") or "0"
    point = len(significant) - len(fraction) + int(exponent or 0) if significant else 1
    if point - 1 < -4 or point - 1 >= 6:
        rest = f".{digits[1:]}" if digits[1:] else ""
        return f"{sign}{digits[0]}{rest}e{point - 1:+03d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    rest = f".{digits[point:]}" if digits[point:] else ""
    return f"{sign}{digits[:point].ljust(point, '0')}{rest}"
