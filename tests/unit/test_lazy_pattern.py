"""Patterns that are compiled at their first use behave as compiled ones."""

from __future__ import annotations

import re

import pytest

from policyd import lazy_pattern as module
from policyd.lazy_pattern import lazy_pattern


def test_it_answers_as_the_compiled_pattern_does():
    lazy, compiled = lazy_pattern(r"(a+)b", re.IGNORECASE), re.compile(r"(a+)b", re.IGNORECASE)

    assert lazy.fullmatch("AAb").group(1) == compiled.fullmatch("AAb").group(1) == "AA"
    assert lazy.match("ba") is None
    assert lazy.search("xab").span() == (1, 3)
    assert [found.group() for found in lazy.finditer("ab aab")] == ["ab", "aab"]
    assert lazy.sub("-", "ab aab") == "- -"
    assert lazy.split("1ab2") == ["1", "a", "2"]
    assert (lazy.pattern, lazy.flags, lazy.groups) == (r"(a+)b", compiled.flags, 1)


def test_bytes_are_patterns_too():
    assert lazy_pattern(rb"\x00").search(b"a\x00").start() == 1


def test_it_is_compiled_at_the_first_use_and_only_then(monkeypatch):
    compiled = []
    compile_now = re.compile
    monkeypatch.setattr(
        module.re, "compile", lambda *given: compiled.append(given) or compile_now(*given)
    )
    pattern = lazy_pattern("a")
    assert compiled == []

    assert [bool(pattern.match(text)) for text in ("a", "b")] == [True, False]
    assert compiled == [("a", 0)]


def test_a_pattern_that_is_not_valid_fails_at_its_first_use():
    with pytest.raises(re.error):
        lazy_pattern("(").match("")
