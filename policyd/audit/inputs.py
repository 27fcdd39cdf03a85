"""The inputs of decisions: each once by its digest, until nobody has used it for a while.

In: recorded inputs and their digests. Out: rows of the table `inputs`. They are beside the hash
chain, so that they can be deleted; the event of a decision names the digest of its input. A failure
to keep an input never prevents the record of a decision.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

import structlog
from sqlalchemy import Connection, bindparam, delete, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from policyd.audit.database import Database
from policyd.audit.prepared import Prepared, savepoint
from policyd.audit.tables import inputs
from policyd.errors import NotFound
from policyd.model import RecordedInput

DAY: Final = 86_400
"""Seconds."""

_KNOWN: Final = 10_000
"""Digests that a process remembers as kept today."""
_INSERT: Final = Prepared(
    text(
        "INSERT INTO inputs (digest, used, content) VALUES (:digest, :used, :content) "
        "ON CONFLICT (digest) DO UPDATE SET used = excluded.used"
    )
)
_TOUCH: Final = Prepared(
    update(inputs).where(inputs.c.digest == bindparam("of")).values(used=bindparam("today"))
)

log = structlog.get_logger("policyd.audit")


class InputKeeper:
    """Keeps inputs for `days` after their last use; deletes nothing if `days` is 0."""

    def __init__(self, days: int) -> None:
        self._days = days
        self._today = ""
        self._known: OrderedDict[str, None] = OrderedDict()

    def keep(self, connection: Connection, recorded: Iterable[RecordedInput]) -> list[str]:
        """Keep `recorded` in the transaction of `connection`, or log why that fails.

        An input whose content is b"" was kept before: only its use is noted. Returns the digests
        for `remember`.
        """
        today = _day(time.time())
        if today != self._today:
            self._known.clear()
        new = {one.digest: one for one in recorded if one.digest not in self._known}
        if not new:
            return []
        try:
            with savepoint(connection):
                if today != self._today and self._days:
                    _delete(connection, _day(time.time() - self._days * DAY))
                whole = [one for one in new.values() if one.content]
                rows = [{"digest": o.digest, "used": today, "content": o.content} for o in whole]
                if rows:
                    _INSERT.run(connection, rows)
                used = [{"of": o.digest, "today": today} for o in new.values() if not o.content]
                if used:
                    _TOUCH.run(connection, used)
        except SQLAlchemyError as error:
            log.error("inputs not kept", reason=type(error).__name__, number=len(new))
            return []
        self._today = today
        return list(new)

    def remember(self, digests: Iterable[str]) -> None:
        """Note that the transaction that kept `digests` is on disk."""
        self._known.update(dict.fromkeys(digests))
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)


def content_of(database: Database, digest: str) -> bytes:
    """Return the content of the input `digest`. Raises NotFound, AuditError."""
    query = select(inputs.c.content).where(inputs.c.digest == digest)
    with database.reading() as connection:
        found = connection.execute(query).scalar()
    if found is None:
        raise NotFound(f"the input {digest} of the decision is not kept any more")
    return bytes(found)


def delete_inputs(database: Database, before: str) -> int:
    """Delete inputs whose last use was before the day `before`, YYYY-MM-DD. Raises AuditError.

    Returns how many there were.
    """
    with database.writing() as connection:
        return _delete(connection, before)


def _delete(connection: Connection, before: str) -> int:
    return connection.execute(delete(inputs).where(inputs.c.used < before)).rowcount


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
