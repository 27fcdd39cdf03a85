"""A token in the database, and what it may be used for."""

from __future__ import annotations

from typing import Literal

import msgspec

from policyd.audit.event import rfc3339
from policyd.model import EnforcementPoint, FailurePolicy


class Permissions(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a token is, and what it may be used for, as in the settings."""

    owner: str
    scopes: tuple[str, ...]
    repositories: tuple[str, ...] = ()
    environments: tuple[str, ...] = ("**",)
    hosts: tuple[str, ...] = ("**",)
    enforcement_point: EnforcementPoint = "webhook"
    failure_policy: FailurePolicy | Literal[""] = ""
    speaks_for_users: bool = False


class TokenRecord(msgspec.Struct, frozen=True, rename="camel"):
    """A token. Times are in RFC 3339, "" for never; `digest` is its SHA-256 in hexadecimal."""

    name: str
    digest: str
    permissions: Permissions
    created: str
    created_by: str
    expires: str
    revoked: str

    def is_valid(self, now: int) -> bool:
        """Return whether the token may be used."""
        return not self.revoked and (not self.expires or rfc3339(now) < self.expires)
