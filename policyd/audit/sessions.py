"""The sessions of the console, in the database that all processes and replicas share.

In: the digest of a token, or what a signed-in user may do. Out: the id of a new session, which only
the browser keeps; the session with an id. A session of a token ends with the token. Times are
nanoseconds since the epoch. Errors: AuditError.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import delete, insert, select

from policyd.audit.store import Store
from policyd.audit.tables import console_sessions
from policyd.audit.token_record import Permissions
from policyd.errors import AuditError
from policyd.model import to_json

LIFETIME: Final = 8 * 3600
"""Seconds until a session ends."""
BYTES: Final = 32
_SECOND: Final = 1_000_000_000


class Session(NamedTuple):
    """Whose a session is: the digest of its token, or the permissions of a user."""

    token: str = ""
    permissions: Permissions | None = None


class Sessions:
    """The sessions in the database of an audit log."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, session: Session, now: int) -> str:
        """Store `session` and return its id. Sessions that have ended are deleted."""
        name = secrets.token_urlsafe(BYTES)
        permissions = to_json(session.permissions).decode() if session.permissions else ""
        row = {
            "digest": _digest(name),
            "token": session.token,
            "permissions": permissions,
            "expires": now // _SECOND + LIFETIME,
        }
        ended = console_sessions.c.expires <= now // _SECOND
        with self._store.database.writing() as connection:
            connection.execute(delete(console_sessions).where(ended))
            connection.execute(insert(console_sessions), row)
        return name

    def find(self, name: str, now: int) -> Session | None:
        """Return the session with the id `name`, None if there is none or it has ended."""
        found = select(console_sessions).where(
            console_sessions.c.digest == _digest(name), console_sessions.c.expires > now // _SECOND
        )
        with self._store.database.reading() as connection:
            row = connection.execute(found).first()
        if row is None:
            return None
        return Session(row.token, _permissions(row.permissions))

    def end(self, name: str) -> None:
        """End the session with the id `name`, if there is one."""
        own = console_sessions.c.digest == _digest(name)
        with self._store.database.writing() as connection:
            connection.execute(delete(console_sessions).where(own))


def _permissions(stored: str) -> Permissions | None:
    if not stored:
        return None
    try:
        return msgspec.json.decode(stored, type=Permissions)
    except msgspec.MsgspecError as error:
        raise AuditError(f"a session of the console is stored in another form: {error}") from error


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
