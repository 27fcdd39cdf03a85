from __future__ import annotations

import json

from policyd.audit.token_record import Permissions, TokenRecord
from policyd.formats.tokens import as_json, text

TIME = "2026-11-30T10:00:00.000000000Z"
CI = TokenRecord(
    "ci", "ab", Permissions(owner="ci@acme", scopes=("review", "metrics"), repositories=("a/**",)),
    TIME, "alice", TIME, "",
)  # fmt: skip
OLD = TokenRecord("old", "cd", Permissions(owner="x", scopes=("metrics",)), TIME, "bob", "", TIME)


def test_each_token_is_a_line() -> None:
    lines = text([CI, OLD]).splitlines()
    assert lines[0].split() == [
        "NAME", "OWNER", "STATE", "EXPIRES", "SCOPES", "REPOSITORIES", "ENVIRONMENTS", "HOSTS",
    ]  # fmt: skip
    assert lines[1].split() == [
        "ci", "ci@acme", "active", "2026-11-30T10:00:00Z", "review,metrics", "a/**", "**", "**",
    ]  # fmt: skip
    assert lines[2].split() == [
        "old", "x", "revoked", "2026-11-30T10:00:00Z", "never", "metrics", "-", "**", "**",
    ]  # fmt: skip


def test_no_tokens_are_a_sentence() -> None:
    assert text([]) == "No tokens are in the database.\n"


def test_tokens_as_json_are_a_list() -> None:
    found = json.loads(as_json([CI]))

    assert (found["kind"], len(found["items"])) == ("TokenList", 1)
    assert found["items"][0] == {
        "name": "ci",
        "digest": "ab",
        "permissions": {
            "owner": "ci@acme",
            "scopes": ["review", "metrics"],
            "repositories": ["a/**"],
            "environments": ["**"],
            "hosts": ["**"],
            "enforcement_point": "webhook",
            "failure_policy": "",
            "speaks_for_users": False,
        },
        "created": TIME,
        "createdBy": "alice",
        "expires": TIME,
        "revoked": "",
    }
