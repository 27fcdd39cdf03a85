from __future__ import annotations

import pytest

from policyd.errors import PolicySetError
from policyd.policies import syntax_tree
from policyd.policies.nesting import MAX_BRACKETS, check_nesting
from tests.support.cases import cases


@cases("pair", ["[]", "()", "{}"])
def test_brackets_that_are_nested_too_deeply_are_refused_with_their_place(pair: str) -> None:
    allowed = f"package a\n\np := {pair[0] * MAX_BRACKETS}1{pair[1] * MAX_BRACKETS}\n"
    refused = f"package a\n\np := {pair[0] * 40}1{pair[1] * 40}\n"

    check_nesting("a.rego", allowed)
    with pytest.raises(PolicySetError) as caught:
        syntax_tree.parse("a.rego", refused)

    assert str(caught.value) == (
        f"a.rego:3:{6 + MAX_BRACKETS}: brackets are nested more than {MAX_BRACKETS} levels deep; "
        "use variables or functions for the inner parts"
    )


@cases(
    "text",
    [
        f'p := "{"[" * 50}"\n',
        f'p := "\\"{"[" * 50}"\n',
        f"p := `{'(' * 50}`\n",
        f"# {'{' * 50}\np := 1\n",
        "p := [1]\n" * 100,
        "]" * 50 + "[[[",
    ],
)
def test_brackets_in_strings_and_comments_do_not_count(text: str) -> None:
    check_nesting("a.rego", text)
