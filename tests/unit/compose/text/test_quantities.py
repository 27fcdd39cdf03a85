from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.compose.text.quantities import format_duration, parse_duration, parse_size
from policyd.compose.text.scalars import ScalarError
from tests.support.cases import cases

# --- sizes ----------------------------------------------------------------------------------------


@cases(
    ("text", "size"),
    [
        ("0", 0),
        ("-1", -1),
        ("+12", 12),
        ("1048576", 1048576),
        ("512b", 512),
        ("1k", 1024),
        ("1kb", 1024),
        ("1KiB", 1024),
        ("1.5m", 1572864),
        ("1 MB", 1048576),
        (".5g", 536870912),
        ("2T", 2 * 1024**4),
        ("1pib", 1024**5),
        ("1e9", 1000000000),
        ("1.9", 1),
        ("0.5", 0),
        ("1.0009k", 1024),
        ("1 ", 1),
        ("1_0k", 10240),
        ("0x1p4", 16),
        ("5\u212a", 5120),
        ("8191p", 8191 * 1024**5),
    ],
)
def test_a_size_is_a_number_and_a_unit_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@cases(
    "text",
    [
        "",
        "m",
        "b",
        "ten",
        "1 m b",
        "1mm",
        "1mi",
        "1bb",
        "1kib ",
        "1  k",
        " 1",
        "1e",
        "1.2.3k",
        "1x",
        "5\u212ab",
        "nan",
        "inf",
        "1,5g",
    ],
)
def test_anything_else_is_no_size(text: str) -> None:
    with pytest.raises(ScalarError, match="is not a size"):
        parse_size(text)


@cases("text", ["-1k", "-1.5", "-1 b"])
def test_a_size_with_a_unit_cannot_be_negative(text: str) -> None:
    with pytest.raises(ScalarError, match="is negative"):
        parse_size(text)


@cases("text", ["9223372036854775808", "8192p", "1e300g", "inf ", "nan "])
def test_a_size_beyond_64_bits_is_refused(text: str) -> None:
    with pytest.raises(ScalarError, match="does not fit in 64 bits"):
        parse_size(text)


# --- durations ------------------------------------------------------------------------------------


@cases(
    ("text", "nanoseconds", "printed"),
    [
        ("0", 0, "0s"),
        ("-0", 0, "0s"),
        ("90s", 90_000_000_000, "1m30s"),
        ("1m30s", 90_000_000_000, "1m30s"),
        ("1h", 3_600_000_000_000, "1h0m0s"),
        ("1d2h", 93_600_000_000_000, "26h0m0s"),
        ("1w", 604_800_000_000_000, "168h0m0s"),
        ("-1.5h", -5_400_000_000_000, "-1h30m0s"),
        ("+.5s", 500_000_000, "500ms"),
        ("1.s", 1_000_000_000, "1s"),
        ("1500us", 1_500_000, "1.5ms"),
        ("500\u00b5s", 500_000, "500\u00b5s"),
        ("500\u03bcs", 500_000, "500\u00b5s"),
        ("1ns", 1, "1ns"),
        ("1.0000001s", 1_000_000_100, "1.0000001s"),
        ("59.9s", 59_900_000_000, "59.9s"),
        ("1s1s1s", 3_000_000_000, "3s"),
        ("0.3333333333333333333h", 1_200_000_000_000, "20m0s"),
        ("0.100000000000000000000h", 360_000_000_000, "6m0s"),
        ("9223372036854775807ns", 2**63 - 1, "2562047h47m16.854775807s"),
    ],
)
def test_a_duration_is_read_and_printed_as_go_does(
    text: str, nanoseconds: int, printed: str
) -> None:
    assert parse_duration(text) == nanoseconds
    assert format_duration(nanoseconds) == printed


@cases(
    "text",
    [
        "",
        "-",
        "+",
        "10",
        "1.5",
        "s",
        ".s",
        "1x",
        "1S",
        "1 s",
        " 1s",
        "1s ",
        "1h 30m",
        "--1s",
        "1y",
        "1e3s",
        "\u0661s",
        "00",
    ],
)
def test_a_number_without_a_known_unit_is_no_duration(text: str) -> None:
    with pytest.raises(ScalarError, match="is not a duration"):
        parse_duration(text)


@cases("text", ["9223372036854775808ns", "15251w", "9" * 50_000 + "h", "9223372036854775807ns1ns"])
def test_a_duration_beyond_64_bits_is_refused(text: str) -> None:
    with pytest.raises(ScalarError, match="is not a duration"):
        parse_duration(text)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_a_printed_duration_reads_back_within_the_precision_of_go(nanoseconds: int) -> None:
    # Go reads the fraction of a second as a float: nine digits are exact there.
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds
