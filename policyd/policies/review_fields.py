"""Which fields of the review the Rego of a policy set may read.

In: the text of Rego modules. Out: paths of fields, or None if the policies may read all of them.
The text is searched, not understood, so that nothing can be missed: Rego can only reach the input
by the word `input`, and a place where that word is not followed by the names of fields counts as
reading everything. The content of string constants does not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from policyd.lazy_pattern import lazy_pattern

REVIEW: Final = "review"

_INPUT: Final = lazy_pattern(r"\binput\b(?P<fields>(?:\.[A-Za-z_][A-Za-z0-9_]*)*)")
_TEXT_OR_COMMENT: Final = lazy_pattern(
    r"""(?P<template>\$?)(?:"(?:\\.|[^"\\\n])*"|`[^`]*`)|(?P<comment>#[^\r\n]*)"""
)


def review_fields(modules: Iterable[str]) -> frozenset[str] | None:
    """Return the fields of the review that `modules` may read, as in "source.commit".

    "" stands for the whole review. Returns None if they may read the whole input.
    """
    found: set[str] = set()
    for text in modules:
        for use in _INPUT.finditer(without_texts(text)):
            first, *below = use["fields"][1:].split(".")
            if not first:
                return None
            if first == REVIEW:
                found.add(".".join(below))
    return frozenset(found)


def without_comments(text: str) -> str:
    """Return the Rego `text` without its comments."""
    return _TEXT_OR_COMMENT.sub(lambda found: "" if found["comment"] else found[0], text)


def without_texts(text: str) -> str:
    """Return the Rego `text` without its comments, and with empty string constants.

    A template stays, because it contains expressions.
    """
    return _TEXT_OR_COMMENT.sub(_shortened, text)


def _shortened(found: re.Match[str]) -> str:
    if found["comment"]:
        return ""
    return found[0] if found["template"] else '""'


def reads(fields: frozenset[str] | None, field: str) -> bool:
    """Return whether policies that read `fields` may read `field`, as in "source.commit"."""
    if fields is None:
        return True
    return any(
        each == "" or each == field or field.startswith(f"{each}.") or each.startswith(f"{field}.")
        for each in fields
    )
