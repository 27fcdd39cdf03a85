from __future__ import annotations

from policyd.policies import inline_requests as module
from policyd.policies.inline_requests import inline_requests

TEXT = """\
services:
  web:
    privileged: true  # policyd: request no-privileged the driver needs it
    # policyd: request no-host-namespaces until the agent is rewritten

    # Another comment.
    # policyd: request other-policy   two requests
    pid: host
    init: true
    # policyd: request no-reason
    ipc: host  # policyd: request no-reason
    command: "x # policyd: request no-privileged in a text"
"""


def test_a_request_is_about_its_line_or_the_next_one_with_a_value() -> None:
    assert inline_requests(TEXT) == {
        3: {"no-privileged": "the driver needs it"},
        8: {
            "no-host-namespaces": "until the agent is rewritten",
            "other-policy": "two requests",
        },
        12: {"no-privileged": 'in a text"'},
    }


def test_line_breaks_are_those_of_yaml() -> None:
    assert inline_requests("a: 1\r\n# policyd: request p why\r\nb: 1\r\n") == {3: {"p": "why"}}


def test_other_comments_are_no_requests() -> None:
    for line in (
        "a: 1 # policyd request p why",
        "a: 1 # policyd: requests p why",
        "a: 1 # policyd: request P why",
        "a: 1# policyd: request p why",
        "a: 1 # policyd: request p  ",
    ):
        assert inline_requests(line) == {}, line


def test_a_request_at_the_end_of_a_file_is_about_nothing() -> None:
    assert inline_requests("a: 1\n# policyd: request p why\n") == {}


def test_reasons_and_requests_are_limited(monkeypatch) -> None:
    line = "a: 1 # policyd: request p " + "x" * 300
    assert inline_requests(line) == {1: {"p": "x" * 200}}

    monkeypatch.setattr(module, "MAX_REQUESTS", 1)
    assert inline_requests(f"{line}\n{line}") == {1: {"p": "x" * 200}}
