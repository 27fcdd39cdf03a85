"""Anchors, tags and directives, as go-yaml 4.0.0 reads them."""

from __future__ import annotations

import pytest
from yaml.scanner import ScannerError

from policyd.compose.yaml.go_yaml_cursor import Cursor
from policyd.compose.yaml.go_yaml_tags import scan_anchor, scan_directive, scan_tag
from tests.support.cases import cases


@cases(
    ("text", "name"),
    [
        ("&a b", "a"),
        ("*a: b", "a"),
        ("*a:: b", "a"),
        ("&a:b c", "a:b"),
        ("&a::b c", "a::b"),
        ("&a.b/c?%@`#", "a.b/c?%@`#"),
        ("*a, b", "a"),
        ("*a] b", "a"),
    ],
)
def test_name_of_an_anchor(text: str, name: str) -> None:
    assert scan_anchor(Cursor(text, "f")) == name


@cases("text", ["& a", "&", "&é", "&a[", "&:"])
def test_anchor_without_a_proper_name_is_refused(text: str) -> None:
    with pytest.raises(ScannerError) as error:
        scan_anchor(Cursor(text, "f"))

    assert error.value.problem == (
        "an anchor or alias needs a name of visible ASCII characters without ,[]{}"
    )


@cases(
    ("text", "tag"),
    [
        ("!reset x", ("!", "reset")),
        ("!!str x", ("!!", "str")),
        ("!e!t x", ("!e!", "t")),
        ("! x", (None, "!")),
        ("!<a,[b]> x", (None, "a,[b]")),
        ("!a%C3%A9 x", ("!", "aé")),
    ],
)
def test_tag_has_a_handle_and_a_suffix(text: str, tag: tuple[str | None, str]) -> None:
    assert scan_tag(Cursor(text, "f"), in_flow=False) == tag


@cases("text", ["!reset, x", "!reset] x", "!reset} x"])
def test_flow_sign_ends_a_tag_in_flow_style_only(text: str) -> None:
    assert scan_tag(Cursor(text, "f"), in_flow=True) == ("!", "reset")
    with pytest.raises(ScannerError, match="cannot be part of a tag"):
        scan_tag(Cursor(text, "f"), in_flow=False)


@cases(
    ("text", "problem"),
    [
        ("!! x", "expected a tag"),
        ("!<> x", "expected a tag"),
        ("!<a x", "expected '>' at the end of the tag"),
        ("!a%FF x", "the escapes of the tag are not UTF-8"),
        ('!a"b', "'\"' cannot be part of a tag"),
    ],
)
def test_broken_tag_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ScannerError) as error:
        scan_tag(Cursor(text, "f"), in_flow=False)

    assert error.value.problem == problem


@cases(
    ("text", "directive"),
    [
        ("%YAML 1.1\n", ("YAML", (1, 1))),
        ("%YAML\t1.2 # c\n", ("YAML", (1, 2))),
        ("%TAG ! tag:a,b:\n", ("TAG", ("!", "tag:a,b:"))),
        ("%TAG !e! !x", ("TAG", ("!e!", "!x"))),
    ],
)
def test_directive_has_a_name_and_a_value(text: str, directive: object) -> None:
    assert scan_directive(Cursor(text, "f")) == directive


@cases(
    ("text", "problem"),
    [
        ("%OTHER x\n", "a line that starts with '%' must be a %YAML or %TAG directive"),
        ("%YAML 1\n", "expected a version such as 1.1"),
        ("%YAML 1.111\n", "expected a version such as 1.1"),
        ("%YAML 1.1#c\n", "expected a line break after the directive"),
        ("%TAG x y\n", "expected '!'"),
        ("%TAG !x y\n", "expected '!' at the end of the handle"),
        ("%TAG !x!y\n", "expected a space after the handle"),
        ('%TAG ! y"\n', "expected a space or a line break after the prefix"),
    ],
)
def test_broken_directive_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ScannerError) as error:
        scan_directive(Cursor(text, "f"))

    assert error.value.problem == problem
