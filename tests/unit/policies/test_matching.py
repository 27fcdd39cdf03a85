"""Globs, and which constraints are for a review."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model import Review, Source, UserInfo
from policyd.policies.matching import (
    Selector,
    matches,
    overlap,
    subject,
    why_excluded,
    why_not_matched,
)
from tests.support.cases import cases

REVIEW = Review(
    uid="u",
    enforcement_point="ci",
    now=1,
    operation="CREATE",
    user_info=UserInfo("ada", ("ml", "ops")),
    source=Source(repository="ml/vision/train", environment="prod", host="gpu-01"),
)


@cases(
    ("glob", "text", "expected"),
    [
        ("ml/train", "ml/train", True),
        ("ml/train", "ml/trainer", False),
        ("ML/train", "ml/train", False),
        ("ml/*", "ml/train", True),
        ("ml/*", "ml/", True),
        ("ml/*", "ml/a/b", False),
        ("*", "ml/train", False),
        ("*", "", True),
        ("**", "ml/a/b", True),
        ("ml/**", "ml/a/b", True),
        ("ml/**", "ml", False),
        ("**/train", "ml/a/train", True),
        ("**/train", "train", False),
        ("ml/*/train", "ml/a/train", True),
        ("ml/*/train", "ml/a/b/train", False),
        ("ml/***", "ml/a/b", True),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-b-b", False),
        ("a**b*c", "a/b/b-c", True),
        ("[ml]", "m", False),
        ("a.c", "abc", False),
        ("?", "a", False),
        ("gpu-*", "gpu-01", True),
        ("*-*-*", "a-b-c", True),
    ],
)
def test_glob_matches_the_whole_text(glob: str, text: str, expected: bool) -> None:
    assert matches(glob, text) is expected


@given(st.text("ab/*", max_size=8), st.text("ab/", max_size=8))
def test_glob_matches_what_its_definition_says(glob: str, text: str) -> None:
    def slow(pattern: str, rest: str) -> bool:
        if not pattern:
            return not rest
        if pattern.startswith("*"):
            run = len(pattern) - len(pattern.lstrip("*"))
            limit = len(rest) if run > 1 else len(rest.split("/")[0])
            return any(slow(pattern[run:], rest[n:]) for n in range(limit + 1))
        return rest[:1] == pattern[0] and slow(pattern[1:], rest[1:])

    assert matches(glob, text) is slow(glob, text)


@pytest.mark.thorough
@cases(
    ("one", "other", "expected"),
    [
        ("ml/*", "*/train", True),
        ("ml/*", "bank/*", False),
        ("ml/*", "*/a/b", False),
        ("ml/**", "*/a/b", True),
        ("gpu-0*", "*-01", True),
        ("gpu-*0", "*-1", False),
        ("ml/train", "ml/train", True),
        ("ml/train", "ml/trainer", False),
        ("**", "*", True),
    ],
)
def test_globs_overlap_if_both_match_a_text(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is expected


@given(st.text("a/*", max_size=4), st.text("a/*", max_size=4))
def test_globs_overlap_exactly_if_there_is_a_text_that_both_match(one: str, other: str) -> None:
    texts = ("".join(text) for size in range(7) for text in itertools.product("a/", repeat=size))
    assert overlap(one, other) is any(matches(one, text) and matches(other, text) for text in texts)


def test_hostile_globs_are_compared_in_bounded_steps() -> None:
    assert not overlap("*a" * 100, "*b" * 100)


def test_hostile_glob_and_text_are_compared_in_bounded_steps() -> None:
    assert matches("*a" * 200, "a" * 4000 + "b") is False


@cases(
    "selector",
    [
        Selector(),
        Selector(repositories=("x", "ml/**")),
        Selector(projects=("train*",)),
        Selector(environments=("prod",)),
        Selector(hosts=("gpu-*",)),
        Selector(users=("ada",)),
        Selector(groups=("ops",)),
        Selector(operations=("CREATE", "UPDATE")),
        Selector(enforcement_points=("ci",)),
        Selector(services=("none",)),
        Selector(repositories=("ml/**",), environments=("prod",)),
    ],
)
def test_selector_selects_when_each_of_its_fields_matches(selector: Selector) -> None:
    assert why_not_matched(selector, subject(REVIEW, "train")) == ""


@cases(
    ("selector", "reason"),
    [
        (Selector(repositories=("w/**",)), "repositories: ml/vision/train matches none of w/**"),
        (Selector(projects=("web",)), "projects: train matches none of web"),
        (Selector(environments=("dev", "test")), "environments: prod matches none of dev, test"),
        (Selector(hosts=("gpu-1",)), "hosts: gpu-01 matches none of gpu-1"),
        (Selector(users=("bob",)), "users: ada matches none of bob"),
        (Selector(groups=("web",)), "groups: ml, ops matches none of web"),
        (Selector(operations=("DELETE",)), "operations: CREATE matches none of DELETE"),
        (Selector(enforcement_points=("cli",)), "enforcementPoints: ci matches none of cli"),
        (
            Selector(repositories=("ml/**",), environments=("dev",)),
            "environments: prod matches none of dev",
        ),
    ],
)
def test_selector_says_which_field_rules_a_review_out(selector: Selector, reason: str) -> None:
    assert why_not_matched(selector, subject(REVIEW, "train")) == reason


@cases("field", ["repositories", "environments", "hosts", "users", "groups"])
def test_unknown_field_makes_a_constraint_apply_and_an_exclusion_not(field: str) -> None:
    unknown = subject(Review(uid="u", enforcement_point="ci", now=1), "")
    selector = Selector(**{field: ("**",)})

    assert why_not_matched(selector, unknown) == ""
    assert why_excluded(selector, unknown) == ""


def test_exclusion_needs_all_of_its_fields() -> None:
    about = subject(REVIEW, "train")

    assert why_excluded(Selector(), about) == ""
    assert why_excluded(Selector(repositories=("ml/**",), hosts=("cpu-*",)), about) == ""
    assert why_excluded(Selector(repositories=("ml/**",), hosts=("gpu-*",)), about) == (
        "repositories: ml/vision/train, hosts: gpu-01"
    )
