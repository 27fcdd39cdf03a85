"""The comments that reports left on pull requests, in the database of the audit log.

In: the name of a forge, the ids of a repository and of a pull request. Out: the id of the comment,
which later reports change in place. Errors: AuditError.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from sqlalchemy import delete, insert, select

from policyd.audit.store import Store
from policyd.audit.tables import forge_comments
from policyd.audit.turns import turn


class ForgeComments:
    """The comments of policyd on pull requests. Processes and replicas may share them."""

    def __init__(self, store: Store) -> None:
        self._database = store.database

    def turn(self, forge: str, repository_id: int, number: int) -> AbstractContextManager[None]:
        """Return a context in which no other thread or process comments on the pull request."""
        return turn(self._database, f"{forge}/{repository_id}/{number}")

    def find(self, forge: str, repository_id: int, number: int) -> int:
        """Return the id of the comment on the pull request `number`, 0 if there is none."""
        table = forge_comments.c
        query = (
            select(table.comment)
            .where(table.forge == forge)
            .where(table.repository_id == repository_id)
            .where(table.number == number)
        )
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar() or 0)

    def keep(self, forge: str, repository_id: int, number: int, comment: int) -> None:
        """Keep `comment` as the one on the pull request `number`."""
        row = {"forge": forge, "repository_id": repository_id, "number": number}
        table = forge_comments.c
        with self._database.writing() as connection:
            connection.execute(
                delete(forge_comments)
                .where(table.forge == forge)
                .where(table.repository_id == repository_id)
                .where(table.number == number)
            )
            connection.execute(insert(forge_comments).values(comment=comment, **row))
