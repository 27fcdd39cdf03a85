from __future__ import annotations

import ipaddress
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.compose.text.scalars import (
    ScalarError,
    is_ip_address,
    is_ipv6,
    parse_bool,
    parse_flag,
    parse_float,
    parse_float32,
    parse_int,
    quoted,
    round_float32,
    to_text,
)
from policyd.masking import visible
from tests.support.cases import cases

# --- integers -------------------------------------------------------------------------------------


@cases(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("+010", 10),
        ("-5", -5),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("0" * 5000 + "7", 7),
    ],
)
def test_a_decimal_integer_takes_a_sign_and_leading_zeros(text: str, value: int) -> None:
    assert parse_int(text) == value


@cases("text", ["", "+", "-", "1_0", "0x4", "1.0", " 1", "1 ", "1\n", "\u0663", "--1", "1e3"])
def test_anything_else_is_no_decimal_integer(text: str) -> None:
    with pytest.raises(ScalarError, match="is not a decimal integer"):
        parse_int(text)


@cases("text", ["9223372036854775808", "-9223372036854775809", "1" * 20, "9" * 100_000])
def test_an_integer_beyond_64_bits_is_refused(text: str) -> None:
    with pytest.raises(ScalarError, match="does not fit in 64 bits"):
        parse_int(text)


def test_base_eight_reads_file_modes() -> None:
    assert parse_int("0440", 8) == 0o440
    assert parse_int("-777777777777777777777", 8) == -(2**63 - 1)
    with pytest.raises(ScalarError, match="'8' is not an octal integer"):
        parse_int("8", 8)
    with pytest.raises(ScalarError, match="does not fit in 64 bits"):
        parse_int("1000000000000000000000", 8)


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_64_bit_integer_comes_back(value: int) -> None:
    assert parse_int(str(value)) == value
    assert parse_int(f"{value:o}", 8) == value


# --- floats ---------------------------------------------------------------------------------------


@cases(
    ("text", "value"),
    [
        ("1", 1.0),
        ("+1.5", 1.5),
        (".5", 0.5),
        ("3.", 3.0),
        ("1e3", 1000.0),
        ("1_000.5_0e1_0", 1000.5e10),
        ("0x1p-2", 0.25),
        ("0X_1F.8P4", 504.0),
        ("-0x.8p1", -1.0),
        ("1e-400", 0.0),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
    ],
)
def test_a_float_takes_what_go_takes(text: str, value: float) -> None:
    assert parse_float(text) == value


def test_nan_is_a_float_only_without_a_sign() -> None:
    assert math.isnan(parse_float("NaN"))
    with pytest.raises(ScalarError):
        parse_float("+nan")


@cases(
    "text",
    [
        "",
        ".",
        "e3",
        "1e",
        "1__0",
        "_1",
        "1_",
        "1_.5",
        "0x1",
        "0xp1",
        " 1",
        "1 ",
        "\u0663",
        "1,5",
        "infin",
    ],
)
def test_anything_else_is_no_float(text: str) -> None:
    with pytest.raises(ScalarError, match="is not a number"):
        parse_float(text)


@cases("text", ["1e400", "-1e400", "0x1p2000", "0x1p99999999999"])
def test_a_float_beyond_64_bits_is_refused(text: str) -> None:
    with pytest.raises(ScalarError, match="is too large a number"):
        parse_float(text)


def test_a_32_bit_float_prints_with_its_own_shortest_digits() -> None:
    assert parse_float32("0.1") == 0.1
    assert parse_float32("0.123456789") == 0.12345679
    assert parse_float32("16777217") == 16777216.0
    assert parse_float32("inf") == math.inf
    with pytest.raises(ScalarError, match="is too large a number"):
        parse_float32("1e39")
    assert round_float32(-1e39) == -math.inf
    assert math.isnan(round_float32(math.nan))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_rounding_to_32_bits_keeps_the_32_bit_value(value: float) -> None:
    rounded = round_float32(value)

    assert struct.pack("<f", rounded) == struct.pack("<f", value)
    assert len(repr(rounded)) <= len(repr(value))


# --- booleans -------------------------------------------------------------------------------------


@cases(
    ("words", "expected"),
    [
        (["true", "True", "tRuE"], (True, False)),
        (["false", "FALSE"], (False, False)),
        (["y", "Y", "yes", "Yes", "on", "oN"], (True, True)),
        (["n", "N", "no", "NO", "off", "Off"], (False, True)),
    ],
)
def test_boolean_words_in_any_case(words: list[str], expected: tuple[bool, bool]) -> None:
    assert [parse_bool(word) for word in words] == [expected] * len(words)


@cases("text", ["", "1", "0", "t", "f", " true", "true ", "enabled", "none"])
def test_other_words_are_no_boolean(text: str) -> None:
    with pytest.raises(ScalarError, match="is not a boolean: write true or false"):
        parse_bool(text)


def test_flags_of_the_environment_take_other_words() -> None:
    assert [parse_flag(text) for text in ("1", "t", "T", "TRUE", "true", "True")] == [True] * 6
    assert [parse_flag(text) for text in ("0", "f", "F", "FALSE", "false", "False")] == [False] * 6
    for text in ("", "yes", "on", "tRUE", " 1"):
        with pytest.raises(ScalarError):
            parse_flag(text)


# --- text -----------------------------------------------------------------------------------------


@cases(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (15, "15"),
        (-3, "-3"),
        (2**64 - 1, "18446744073709551615"),
        ("as is", "as is"),
        (1.0, "1"),
        (1.10, "1.1"),
        (-0.0, "-0"),
        (0.0, "0"),
        (0.5, "0.5"),
        (999999.5, "999999.5"),
        (100000.0, "100000"),
        (1e6, "1e+06"),
        (1234567.5, "1.2345675e+06"),
        (2097152.0, "2.097152e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-1.5e-7, "-1.5e-07"),
        (12345678901234567890.0, "1.2345678901234567e+19"),
        (1e100, "1e+100"),
        (5e-324, "5e-324"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_values_become_text_as_go_prints_them(value: str | bool | float, text: str) -> None:
    assert to_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_float_reads_back(value: float) -> None:
    assert parse_float(to_text(value)) == value


def test_quoted_text_is_one_short_line() -> None:
    assert visible(quoted("a\nb'")) == '"a\\nb\'"'
    assert visible(quoted("x" * 80)) == f"'{'x' * 80}'"
    assert visible(quoted("x" * 81)) == f"'{'x' * 79}…'"


@cases(
    ("text", "expected"),
    [
        ("127.0.0.1", True),
        ("255.255.255.255", True),
        ("::1", True),
        ("::ffff:10.0.0.1", True),
        ("256.0.0.1", False),
        ("127.0.0.01", False),
        ("1.2.3", False),
        ("1.2.3.4.5", False),
        ("1.2.3.4\n", False),
        ("fe80::1%eth0", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_an_ip_address_has_no_zone_and_no_leading_zeros(text: str, expected: bool) -> None:
    assert is_ip_address(text) is expected


@pytest.mark.thorough
@given(st.ip_addresses())
def test_every_ip_address_is_one(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert is_ip_address(str(address))
    assert is_ipv6(str(address)) is (address.version == 6)
