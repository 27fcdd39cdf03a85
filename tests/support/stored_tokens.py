"""What every database promises about stored tokens. Each function of CONTRACTS takes none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Final

import pytest

from policyd.audit.event import rfc3339
from policyd.audit.token_record import Permissions
from policyd.audit.tokens import Tokens
from policyd.errors import Conflict, NotFound

Contract = Callable[[Tokens], None]
CI: Final = Permissions(
    owner="ci@acme", scopes=("review",), repositories=("acme/**",), hosts=("gpu-0*",)
)


def keep_digests_only(tokens: Tokens) -> None:
    """A token is returned once; the database has its digest, owner, scopes and limits."""
    assert not tokens.exist()
    token = tokens.create("ci", CI, now=1, actor="alice", expires=9)
    other = tokens.create("ci-2", CI, now=2, actor="alice")

    assert tokens.exist()
    assert token != other
    assert token.startswith("policyd_")
    assert len(token) == len("policyd_") + 43
    record, _ = tokens.records()
    assert (record.name, record.permissions, record.created_by) == ("ci", CI, "alice")
    assert (record.created, record.expires, record.revoked) == (rfc3339(1), rfc3339(9), "")
    assert record.digest == hashlib.sha256(token.encode()).hexdigest()
    assert token not in repr(tokens.records())


def find_valid_tokens(tokens: Tokens) -> None:
    """A token is valid until it expires or is revoked."""
    token = tokens.create("ci", CI, now=1, actor="alice", expires=9)
    other = tokens.create("ci-2", CI, now=1, actor="alice")

    assert tokens.find(token, 8) == tokens.find(other, 99) == CI
    assert tokens.find(token, 9) is None
    assert tokens.find(token[:-1], 8) is None
    assert tokens.find("", 8) is None
    assert tokens.find(tokens.records()[0].digest, 8) is None
    revoked = tokens.revoke("ci-2", now=5, actor="bob")
    assert (revoked.name, revoked.revoked) == ("ci-2", rfc3339(5))
    assert tokens.find(other, 6) is None
    assert [one.revoked for one in tokens.records()] == ["", rfc3339(5)]


def keep_names_apart(tokens: Tokens) -> None:
    """A name is used once; only a token that is not revoked can be revoked."""
    tokens.create("ci", CI, now=1, actor="alice")
    with pytest.raises(Conflict, match="there is a token ci already"):
        tokens.create("ci", CI, now=2, actor="alice")
    tokens.revoke("ci", now=3, actor="bob")
    with pytest.raises(Conflict, match="there is a token ci already"):
        tokens.create("ci", CI, now=4, actor="alice")
    for name in ("ci", "other"):
        with pytest.raises(NotFound, match=f"there is no token {name} that can be revoked"):
            tokens.revoke(name, now=5, actor="bob")


def record_each_change(tokens: Tokens) -> None:
    """The audit log says who made and revoked a token, with its limits and without the token."""
    token = tokens.create("ci", CI, now=1, actor="alice", expires=9)
    tokens.revoke("ci", now=5, actor="bob")

    store = tokens._store
    revoked, created = store.events(kinds=("token-created", "token-revoked"))
    assert (created.kind, revoked.kind) == ("token-created", "token-revoked")
    made, ended = (json.loads(one.payload) for one in (created, revoked))
    assert (made["actor"], ended["actor"]) == ("alice", "bob")
    assert made["details"] == {
        "name": "ci",
        "expires": rfc3339(9),
        "owner": "ci@acme",
        "scopes": ["review"],
        "repositories": ["acme/**"],
        "environments": ["**"],
        "hosts": ["gpu-0*"],
        "enforcement_point": "webhook",
        "failure_policy": "",
        "speaks_for_users": False,
    }
    assert ended["details"] == {"name": "ci", "owner": "ci@acme"}
    assert token not in created.payload
    assert store.verify().problems == ()


CONTRACTS: Final[tuple[Contract, ...]] = (
    record_each_change,
    keep_digests_only,
    find_valid_tokens,
    keep_names_apart,
)
