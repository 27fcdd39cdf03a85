"""Values of a project are masked in texts that are recorded."""

from __future__ import annotations

from policyd.masking import (
    Values,
    complete,
    in_quotes,
    masked,
    named,
    replaced,
    sensitive,
    visible,
    without_credentials,
)
from tests.support.cases import cases


def test_a_marked_value_is_visible_to_the_caller_and_masked_elsewhere() -> None:
    message = f"services.web.ports: {in_quotes('hunter2')} is not a port"

    assert visible(message) == "services.web.ports: 'hunter2' is not a port"
    assert masked(message) == "services.web.ports: *** is not a port"


def test_a_value_cannot_end_its_own_mark() -> None:
    assert masked("found " + sensitive("a\x03secret") + " here") == "found *** here"
    assert masked("a stray \x02 in a name") == "a stray  in a name"


def test_a_cut_message_masks_the_value_that_is_cut() -> None:
    cut = f"found {in_quotes('hunter2')}"[:-4]

    assert masked(cut) != "found ***"
    assert masked(complete(cut)) == "found ***"
    assert complete("found nothing") == "found nothing"


def test_a_name_is_shown_and_a_key_with_other_characters_is_masked() -> None:
    assert masked(named("web-1.a")) == "'web-1.a'"
    assert (visible(named("a b")), masked(named("a b"))) == ("'a b'", "***")


@cases(
    ("text", "expected"),
    [
        ("https://me:pw@example.com/x.git", "https://example.com/x.git"),
        ("https://pw@example.com/x.git#main", "https://example.com/x.git"),
        ("see https://example.com/a?token=pw now", "see https://example.com/a now"),
        ("ssh://git:pw@host/x", "ssh://host/x"),
        ("the file https:/me:pw@host/x?token=pw", "the file https:/host/x"),
        ("registry me:pw@host refuses", "registry host refuses"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("nginx:1.29@sha256:" + "a" * 64, "nginx:1.29@sha256:" + "a" * 64),
        ("git@github.com:org/repo.git", "git@github.com:org/repo.git"),
        ("security@acme", "security@acme"),
    ],
)
def test_urls_lose_credentials_queries_and_fragments(text: str, expected: str) -> None:
    assert without_credentials(text) == expected


def test_values_in_paths_are_replaced_the_longest_first_and_never_short_ones() -> None:
    assert replaced("a/secret-long/secret/1/true", ["secret", "secret-long", "1", "true"]) == (
        "a/***/***/1/true"
    )


@cases(
    ("text", "found"),
    [
        ("the label is Hunter2, which is odd", True),
        ("HUNTER2", True),
        ("the label is hunter22", False),
        ("the path /run/hunter2/x", True),
        ("starts with " + "long-secret-value-" * 2, True),
        ("a part is " + ("long-secret-value-" * 3)[:31], True),
        ("a part is " + ("long-secret-value-" * 3)[:15], False),
        ("it is 1 and true and 8080", False),
        ("service web is fine", False),
    ],
)
def test_a_text_that_quotes_a_value_is_found(text: str, found: bool) -> None:
    values = Values(
        ["hunter2", "long-secret-value-" * 3, "1", "true", "8080", "abc", "web1"], public=["web1"]
    )

    assert values.occur_in(text) is found
    assert values.occur_in("service web1") is False
