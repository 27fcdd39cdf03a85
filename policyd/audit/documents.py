"""Documents that events name by their digest, such as the text of a policy set, each once.

In: a connection to the log, bytes. Out: digests, "sha256:…" over the bytes, and the bytes.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from policyd.audit.tables import documents
from policyd.errors import AuditError, NotFound


def keep(connection: Connection, content: bytes) -> str:
    """Store `content` unless it is there, and return its digest."""
    digest = digest_of(content)
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"digest": digest, "content": zlib.compress(content)}
    connection.execute(dialect.insert(documents).on_conflict_do_nothing(), row)
    return digest


def find(connection: Connection, digest: str) -> bytes:
    """Return the document with `digest`. Raises NotFound; AuditError if it was changed."""
    query = select(documents.c.content).where(documents.c.digest == digest)
    stored = connection.execute(query).scalar()
    if stored is None:
        raise NotFound(f"the audit log has no document {digest}")
    try:
        content = zlib.decompress(stored)
    except zlib.error as error:
        raise AuditError(f"the document {digest} of the audit log is damaged") from error
    if digest_of(content) != digest:
        raise AuditError(f"the document {digest} of the audit log was changed")
    return content


def digest_of(content: bytes) -> str:
    """Return the digest of `content`: "sha256:" and hexadecimal digits."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
