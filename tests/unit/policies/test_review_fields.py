"""Which fields of the review Rego may read: nothing may be missed."""

from __future__ import annotations

from policyd.policies.policy_set import load_policy_set
from policyd.policies.review_fields import reads, review_fields
from tests.support.cases import cases


@cases(
    ("text", "expected"),
    [
        ("x if input.workloads[0].privileged", set()),
        ("x if input.review.source.host == data.host", {"source.host"}),
        ("x := [input.review.uid, input.review.userInfo.groups]", {"uid", "userInfo.groups"}),
        ('x := input.review["now"]', {""}),
        ("x := input.review", {""}),
        ("import input.review as asked", {""}),
        ("import input.review.source", {"source"}),
        ("x := input.review.source[name]", {"source"}),
        ('x := input.constraints["input.review.now"]', set()),
        ('x := "what it reads from input"', set()),
        ('x := $"{input.review.uid}"', {"uid"}),
        ("# the input is not read here\nx := 1", set()),
        ("\t # input\r\nx := 1", set()),
        ('x := 1 # `input` is not read, "nor" here', set()),
        ('x := "# not a comment" ; y := input.review.uid', {"uid"}),
        ("x := my_input.review.now", set()),
        ("x := input.reviews.now", set()),
    ],
)
def test_the_fields_of_the_review_that_a_module_names(text, expected):
    assert review_fields([text]) == expected


@cases(
    "text",
    [
        "x := input",
        "import input as asked",
        "import input",
        'x := input["review"].now',
        "x := input[name]",
        "x := input .review.now",
        "x := input\n.review.now",
        "walk(input, [path, value])",
        'x := object.get(input, "review", {})',
        "x if y with input as {}",
        "x := `\n# text ` ; y := input[name]",
        'x := "\\"#" ; y := input[name]',
        "x := 1 # comment\ry := input[name]",
        "x := data.input.review.now[input]",
    ],
)
def test_a_use_that_is_not_followed_by_a_field_reads_the_whole_input(text):
    assert review_fields(["x := 1", text]) is None


def test_fields_of_all_modules_count():
    assert review_fields(["x := input.review.uid", "y := input.review.now"]) == {"uid", "now"}


@cases(
    ("fields", "field", "expected"),
    [
        (None, "uid", True),
        (frozenset(), "uid", False),
        (frozenset({""}), "uid", True),
        (frozenset({"uid"}), "uid", True),
        (frozenset({"uid"}), "uidx", False),
        (frozenset({"source"}), "source.commit", True),
        (frozenset({"source.commit.id"}), "source.commit", True),
        (frozenset({"source.host"}), "source.commit", False),
    ],
)
def test_a_field_is_read_with_what_is_above_and_below_it(fields, field, expected):
    assert reads(fields, field) is expected


def test_the_default_policies_read_nothing_of_the_review():
    assert review_fields(load_policy_set().modules.values()) <= {"source.host"}
