"""Tokens, as go-yaml 4.0.0 splits a file into them."""

from __future__ import annotations

import pytest
from yaml.scanner import ScannerError
from yaml.tokens import StreamEndToken

from policyd.compose.limits import MAX_DEPTH
from policyd.compose.yaml.go_yaml_scanner import Scanner
from tests.support.cases import cases

SHORT = {
    "<stream start>": "",
    "<stream end>": "",
    "<block mapping start>": "map",
    "<block sequence start>": "seq",
    "<block end>": "end",
}


def tokens(text: str) -> str:
    """Return the tokens of `text` in a short form, without the start and the end of the file."""
    scanner = Scanner(text, "f")
    found: list[str] = []
    while not isinstance(token := scanner.get_token(), StreamEndToken):
        value = getattr(token, "value", None)
        found.append(repr(value) if isinstance(value, str) else SHORT.get(token.id, token.id))
    return " ".join(filter(None, found))


def problem(text: str) -> str:
    """Return what is wrong with `text`, after line and column, which count from 1."""
    with pytest.raises(ScannerError) as error:
        tokens(text)
    mark = error.value.problem_mark
    assert mark is not None
    return f"{mark.line + 1}:{mark.column + 1}: {error.value.problem}"


@cases(
    ("text", "expected"),
    [
        ("a: b\n", "map ? 'a' : 'b' end"),
        ("a:\n  - b\n  - c\nd: e\n", "map ? 'a' : seq - 'b' - 'c' end ? 'd' : 'e' end"),
        ("a:\n- b\n", "map ? 'a' : - 'b' end"),
        ("? a\n: b\n", "map ? 'a' : 'b' end"),
        ("{a: b, c}", "{ ? 'a' : 'b' , 'c' }"),
        ("[a: b]", "[ ? 'a' : 'b' ]"),
        ("{a\n : b}", "{ 'a' : 'b' }"),
        ('{"a":b}', "{ ? 'a' : 'b' }"),
        ("{a: :b}", "{ ? 'a' : ':b' }"),
        ("[:a]", "[ ':a' ]"),
        ("[:,]", "[ ? '' : , ]"),
        ("[?a, ? b]", "[ '?a' , ? 'b' ]"),
        ("a: |\n b\n c\n", "map ? 'a' : 'b\\nc\\n' end"),
        ("*a : &b c\n", "map ? 'a' : 'b' 'c' end"),
        ("---\na\n...\n", "<document start> 'a' <document end>"),
        ("- # c\n  a\n", "seq - 'a' end"),
        ("-\ta\n-\t[b]\n", "seq - 'a' - [ 'b' ] end"),
        ("a:\n\t# c\n  b\n", "map ? 'a' : 'b' end"),
        ("\t{a: b}", "{ ? 'a' : 'b' }"),
    ],
)
def test_text_is_split_into_tokens(text: str, expected: str) -> None:
    assert tokens(text) == expected


def test_tags_and_directives_have_values_of_their_own() -> None:
    scanner = Scanner("%YAML 1.1\n--- !!str a", "f")

    found = [scanner.get_token() for _ in range(4)]

    assert found[1].value == (1, 1)  # type: ignore[attr-defined]
    assert found[3].value == ("!!", "str")  # type: ignore[attr-defined]


@cases(
    ("text", "expected"),
    [
        ("a: 'b'#c", "1:7: a comment needs a space before the '#'"),
        ("a: [#c", "1:5: a comment needs a space before the '#'"),
        ("a:\n-\tb: c\n", "2:2: a tab cannot be part of the indentation: use spaces"),
        ("a:\n\tb: c\n", "2:1: a tab cannot be part of the indentation: use spaces"),
        ("  \ta", "1:3: a tab cannot be part of the indentation: use spaces"),
        ("a: b: c\n", "1:5: a ':' cannot follow here: quote the text, or start a new line"),
        ("a: - b\n", "1:4: a list item cannot start here"),
        ("a: ? b\n", "1:4: a key cannot start here"),
        ("a: @b\n", "1:4: '@' cannot start a value: quote it"),
        ("a: b\nc\nd: e\n", "2:1: expected ':' after this key"),
        ("r:\n  a: {\nb: c}\n", "3:2: this ':' must be indented more than the block around it"),
        ("... a\n", "1:5: only a comment can follow '...'"),
        ("[" * (MAX_DEPTH + 1), f"1:{MAX_DEPTH + 1}: more than {MAX_DEPTH} levels of nesting"),
    ],
)
def test_what_go_yaml_refuses_has_a_place_and_a_reason(text: str, expected: str) -> None:
    assert problem(text) == expected


def test_key_can_be_of_any_length_in_its_line() -> None:
    assert tokens("k" * 2_000 + ": v") == f"map ? {'k' * 2_000!r} : 'v' end"


def test_comment_can_begin_right_behind_a_block_text() -> None:
    assert tokens("a: |\n  b\n#c\nd: e\n") == "map ? 'a' : 'b\\n' ? 'd' : 'e' end"
