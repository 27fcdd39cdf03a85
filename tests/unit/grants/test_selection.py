from __future__ import annotations

from policyd.grants.selection import (
    amd_request,
    by_amd_rule,
    by_ascend_rule,
    by_habana_rule,
    by_nvidia_rule,
    without_zeros,
)
from tests.support.cases import cases


@cases(
    ("text", "selected"),
    [
        (" 1 , 0,1", ("1", "0", "1")),
        ("all", "all"),
        ("ALL", "all"),
        ("0,aLL", "all"),
        ("0,all,none", "all"),
        ("0,none,all", ()),
        ("none,ALL", ()),
        ("0,void", ()),
        ("ALL,void", ()),
        (" , ", ()),
        ("", ()),
        ("allgpus", ("allgpus",)),
        ("NONE", ("NONE",)),
        ("nvidia.com/gpu=all", "all"),
        ("0,nvidia.com/gpu=all", "all"),
        ("nvidia.com/gpu=ALL", ("nvidia.com/gpu=ALL",)),
        ("not a name=all", ("not a name=all",)),
    ],
)
def test_nvidia_toolkit_decides_by_the_first_word(text: str, selected: object) -> None:
    assert by_nvidia_rule(text) == selected


@cases(
    ("text", "selected"),
    [
        ("all", "all"),
        (" All ", "all"),
        ("ALL", "all"),
        ("aLL", ()),
        ("all,2", ("2",)),
        ("0,1,void", ("0", "1")),
        ("0-3", ("0", "1", "2", "3")),
        ("007-009", ("7", "8", "9")),
        ("2-2,1", ("2", "1")),
        ("3-1", ()),
        ("0 - 3", ()),
        ("126-200", ("126", "127", "128")),
        ("129-99999999999999999999", ()),
        ("+3,04", ("3", "4")),
        ("-1,1.5,x", ()),
        ("0xAB12", ("0xab12",)),
        ("0XAB12", ("0xab12",)),
        ("0x", ()),
        ("EF2C1DAD16AFB86A", ("0xef2c1dad16afb86a",)),
        ("123456789", ("0x123456789",)),
        ("12345678", ("12345678",)),
        ("", ()),
    ],
)
def test_amd_runtime_ignores_what_it_cannot_read(text: str, selected: object) -> None:
    assert by_amd_rule(text) == selected


@cases(
    ("text", "selected"),
    [
        ("0,all", "all"),
        ("all", "all"),
        ("All", "all"),
        ("0,All", ("0",)),
        ("amd.com/gpu=all", "all"),
        ("amd.com/gpu=1,0-1", ("amd.com/gpu=1", "0", "1")),
        ("none,3", ("3",)),
    ],
)
def test_amd_request_takes_cdi_names_too(text: str, selected: object) -> None:
    assert amd_request(text) == selected


@cases(
    ("text", "with_runtime", "alone"),
    [
        ("", "all", ()),
        (" void ", "all", ()),
        ("none", (), ()),
        ("all", "all", "all"),
        ("0,all", "all", "all"),
        ("0,none,x,1", ("0", "1"), ("0", "1")),
        ("0,void", ("0",), ("0",)),
        ("x", (), ()),
        ("ALL", (), ()),
    ],
)
def test_habana_runtime_takes_void_for_every_card(
    text: str, with_runtime: object, alone: object
) -> None:
    assert by_habana_rule(text, True) == with_runtime
    assert by_habana_rule(text, False) == alone


@cases(
    ("text", "selected"),
    [
        ("", ()),
        (" void ", ()),
        ("4", ("4",)),
        ("04", ("4",)),
        ("0-2,6", ("0", "1", "2", "6")),
        ("1 - 2, 4", ("1", "2", "4")),
        ("Ascend910-3", ("3",)),
        ("Ascend310P-0,1", ("0", "1")),
        ("0-128", tuple(map(str, range(129)))),
        ("0-129", ()),
        ("2-1", ()),
        ("0,x", ()),
        ("0,", ()),
        ("0,void", ()),
        ("all", "all"),
        ("0,all", "all"),
    ],
)
def test_ascend_runtime_refuses_a_list_that_it_cannot_read(text: str, selected: object) -> None:
    assert by_ascend_rule(text) == selected


@cases(("digits", "number"), [("0", "0"), ("000", "0"), ("0100", "100")])
def test_zeros_at_the_start_are_dropped(digits: str, number: str) -> None:
    assert without_zeros(digits) == number
