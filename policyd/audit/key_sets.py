"""The last public keys of the issuers of CI jobs, so that a restart does not lose them.

In: the key set of an issuer, as it published it. Out: the same, with the time at which it was read.
Whoever can change them can also change the tokens in this database.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, insert, select

from policyd.audit.store import Store
from policyd.audit.tables import issuer_key_sets


class KeptKeySet(NamedTuple):
    """A key set, and when it was read from its issuer, in seconds since the epoch."""

    content: bytes
    read: int


class KeySets:
    """The key sets in the database of an audit log. Processes and replicas may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, issuer: str) -> KeptKeySet | None:
        """Return the last key set of `issuer`, an URL. Raises AuditError."""
        query = select(issuer_key_sets).where(issuer_key_sets.c.issuer == issuer)
        with self._store.database.reading() as connection:
            row = connection.execute(query).first()
        return KeptKeySet(bytes(row.content), int(row.read)) if row else None

    def keep(self, issuer: str, kept: KeptKeySet) -> None:
        """Keep the key set of `issuer` in place of an older one. Raises AuditError."""
        own = issuer_key_sets.c.issuer == issuer
        with self._store.database.writing() as connection:
            newer = connection.execute(
                select(issuer_key_sets.c.read).where(own, issuer_key_sets.c.read > kept.read)
            )
            if newer.first() is None:
                connection.execute(delete(issuer_key_sets).where(own))
                connection.execute(insert(issuer_key_sets).values(issuer=issuer, **kept._asdict()))
