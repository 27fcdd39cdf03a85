"""What scalars mean."""

from __future__ import annotations

import math
from typing import Any

import pytest

from policyd.compose.yaml.resolver import LONG_TAG, MERGE, Timestamp, resolve_plain, resolve_tagged
from tests.support.cases import cases


@cases(
    ("text", "value"),
    [
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        *((word, None) for word in ("", "~", "null", "Null", "NULL")),
        *(
            (word, word)
            for word in ("yes", "on", "no", "off", "tRUE", "22:22", "1 2", "0x", "+", "-")
        ),
        ("017", 15),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("-5", -5),
        ("+5", 5),
        ("08", 8.0),
        ("1e6", 1e6),
        (".5", 0.5),
        ("5.", 5.0),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("1e999", "1e999"),
        ("9223372036854775807", 2**63 - 1),
        ("18446744073709551615", 2**64 - 1),
        ("+18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 18446744073709551616.0),
        ("-9223372036854775809", -9223372036854775809.0),
    ],
)
def test_plain_scalar(text: str, value: Any) -> None:
    found = resolve_plain(text)

    assert (type(found), found) == (type(value), value)


def test_nan_and_the_merge_sign_are_values_of_their_own() -> None:
    assert math.isnan(resolve_plain(".nan"))
    assert resolve_plain("<<") is MERGE


@cases(
    ("text", "go", "rfc3339"),
    [
        ("2024-05-01", "2024-05-01 00:00:00 +0000 UTC", "2024-05-01T00:00:00Z"),
        ("2024-5-1 10:20:30", "2024-05-01 10:20:30 +0000 UTC", "2024-05-01T10:20:30Z"),
        ("2024-05-01T10:20:30.5Z", "2024-05-01 10:20:30.5 +0000 UTC", "2024-05-01T10:20:30.5Z"),
        (
            "2024-05-01T10:20:30+02:00",
            "2024-05-01 10:20:30 +0200 +0200",
            "2024-05-01T10:20:30+02:00",
        ),
    ],
)
def test_timestamp_has_the_text_of_go_of_json_and_of_the_file(
    text: str, go: str, rfc3339: str
) -> None:
    moment = resolve_plain(text)

    assert isinstance(moment, Timestamp)
    assert (moment.go, moment.rfc3339, moment.text) == (go, rfc3339, text)


@cases("text", ["2024-13-01", "2024-05-01 10:20:30Z", "2024-05-01T10:20:30", "24-05-01"])
def test_what_go_yaml_does_not_take_for_a_timestamp_is_a_string(text: str) -> None:
    assert resolve_plain(text) == text


@cases(
    ("tag", "text", "quoted", "value"),
    [
        (LONG_TAG + "str", "1", False, "1"),
        ("!", "1", True, "1"),
        ("!", "1", False, "1"),
        (LONG_TAG + "int", "0x10", True, 16),
        (LONG_TAG + "float", "1", False, 1.0),
        (LONG_TAG + "float", "18446744073709551615", False, 18446744073709551615.0),
        (LONG_TAG + "bool", "true", True, True),
        (LONG_TAG + "null", "", False, None),
        (LONG_TAG + "merge", "x", False, MERGE),
        (LONG_TAG + "binary", "aGk=", False, "hi"),
        (LONG_TAG + "binary", "4oJB/w==", False, "\ufffd\ufffdA\ufffd"),
        ("!other", "1", False, "1"),
        (LONG_TAG + "other", "1", False, "1"),
    ],
)
def test_tagged_scalar(tag: str, text: str, quoted: bool, value: Any) -> None:
    found = resolve_tagged(tag, text, quoted)

    assert (type(found), found) == (type(value), value)


@cases(
    ("tag", "text", "message"),
    [
        ("int", "x", "cannot read 'x' as a !!int"),
        ("int", "1.5", "cannot read '1.5' as a !!int"),
        ("int", "2024-05-01", "cannot read '2024-05-01' as a !!int"),
        ("binary", "?", "!!binary value is not valid base64"),
    ],
)
def test_text_that_is_not_of_its_type_is_refused(tag: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        resolve_tagged(LONG_TAG + tag, text, quoted=False)

    assert str(error.value) == message
