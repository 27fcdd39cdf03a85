"""The tokens in the database of the audit log, which `policyd token` makes and revokes.

In: names, owners, scopes and limits. Out: a new token, which is shown once; records of tokens. Each
change is an event of the audit log. The database has only the SHA-256 digest of a token: 256 random
bits cannot be found by trying. Times are nanoseconds since the epoch. Errors: AuditError, Conflict,
NotFound.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final

import msgspec
from sqlalchemy import Row, insert, select, update

from policyd.audit.event import rfc3339
from policyd.audit.prepared import Prepared
from policyd.audit.store import Store
from policyd.audit.tables import tokens
from policyd.audit.token_record import Permissions, TokenRecord
from policyd.errors import AuditError, Conflict, NotFound
from policyd.model import to_json

PREFIX: Final = "policyd_"
"""The beginning of a token, by which scanners for secrets find it."""
BYTES: Final = 32

_ANY: Final = Prepared(select(tokens.c.name).limit(1))


class Tokens:
    """The tokens in the database of an audit log."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self, name: str, permissions: Permissions, *, now: int, actor: str, expires: int = 0
    ) -> str:
        """Store a new token and return it. `expires` 0 is never. Raises Conflict for a known name.

        The name of a revoked token stays its own: the audit log may name it.
        """
        token = PREFIX + secrets.token_urlsafe(BYTES)
        row = {
            "name": name,
            "digest": _digest(token),
            "token": to_json(permissions).decode(),
            "created": rfc3339(now),
            "created_by": actor,
            "expires": rfc3339(expires) if expires else "",
            "revoked": "",
        }
        self._check_name(name)
        # Recorded first: no token works that the audit log does not know.
        self._store.append_event(
            "token-created",
            {"name": name, "expires": row["expires"], **msgspec.to_builtins(permissions)},
            now=now,
            actor=actor,
        )
        with self._store.database.writing() as connection:
            connection.execute(insert(tokens), row)
        return token

    def _check_name(self, name: str) -> None:
        with self._store.database.reading() as connection:
            if connection.execute(select(tokens).where(tokens.c.name == name)).first():
                raise Conflict(f"there is a token {name} already, or there was; use another name")

    def revoke(self, name: str, *, now: int, actor: str) -> TokenRecord:
        """End the token `name` and return it. Raises NotFound, also if it was revoked before."""
        with self._store.database.writing() as connection:
            active = (tokens.c.name == name, tokens.c.revoked == "")
            row = connection.execute(select(tokens).where(*active)).first()
            if row is None:
                raise NotFound(f"there is no token {name} that can be revoked")
            change = update(tokens).where(*active).values(revoked=rfc3339(now))
            connection.execute(change)
        owner = _record(row).permissions.owner
        details = {"name": name, "owner": owner}
        self._store.append_event("token-revoked", details, now=now, actor=actor)
        return msgspec.structs.replace(_record(row), revoked=rfc3339(now))

    def records(self) -> list[TokenRecord]:
        """Return all tokens, by name."""
        with self._store.database.reading() as connection:
            rows = connection.execute(select(tokens).order_by(tokens.c.name))
            return [_record(row) for row in rows]

    def exist(self) -> bool:
        """Return whether a token was ever made: then requests need one."""
        return self._store.database.first(_ANY, {}) is not None

    def find(self, token: str, now: int) -> Permissions | None:
        """Return what `token` may be used for, None if it is not valid."""
        if not token.startswith(PREFIX):
            return None
        return self.find_digest(_digest(token), now)

    def find_digest(self, digest: str, now: int) -> Permissions | None:
        """Return what the token with the SHA-256 `digest` may be used for, None if not valid."""
        with self._store.database.reading() as connection:
            row = connection.execute(select(tokens).where(tokens.c.digest == digest)).first()
        record = _record(row) if row else None
        return record.permissions if record and record.is_valid(now) else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _record(row: Row[Any]) -> TokenRecord:
    values = dict(row._mapping)
    try:
        permissions = msgspec.json.decode(values.pop("token"), type=Permissions)
    except msgspec.MsgspecError as error:
        raise AuditError(
            f"the token {values['name']} is stored in another form: {error}"
        ) from error
    return TokenRecord(permissions=permissions, **values)
