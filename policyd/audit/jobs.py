"""The CI jobs that were accepted: ids of their repositories, and tokens that granted.

In: a Job. Out: nothing, once the job is accepted. The name of a repository can be given to another
one after a deletion or a renaming, so its ids are recorded when the first token states them, and
later tokens must state the same. A token is used for one review that may grant: whoever finds it in
a log can do nothing with it. Errors: Forbidden, AuditError.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from policyd.audit.database import Database
from policyd.audit.tables import job_repositories, job_tokens
from policyd.errors import Forbidden
from policyd.identity.job import Job, KnownRepository


class Jobs:
    """The jobs in the database of an audit log. Processes and replicas may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, job: Job, uid: str, now: int, *, may_grant: bool) -> None:
        """Record `job` with its review `uid`. `now` is in seconds since the epoch.

        With `may_grant`, its token is used up, but for repetitions of the same review. Raises
        Forbidden if the repository had other ids before, or the token is used up.
        """
        with self._database.reading() as connection:
            is_known = _is_known(connection, job)
        if is_known and not may_grant:
            return
        with self._database.writing() as connection:
            if not _is_known(connection, job) and job.repository_id:
                connection.execute(insert(job_repositories).values(_repository(job)))
            if may_grant:
                _use_up(connection, job, uid, now)

    def repositories(self) -> list[KnownRepository]:
        """Return the repositories whose ids are recorded, by issuer and name."""
        table = job_repositories.c
        with self._database.reading() as connection:
            rows = connection.execute(
                select(job_repositories).order_by(table.issuer, table.repository)
            )
            return [KnownRepository(*row) for row in rows]

    def forget(self, issuer: str, repository: str) -> bool:
        """Forget the ids of a repository; the next token states them anew. False if unknown."""
        table = job_repositories.c
        with self._database.writing() as connection:
            done = connection.execute(
                delete(job_repositories)
                .where(table.issuer == issuer)
                .where(table.repository == repository.lower())
            )
        return bool(done.rowcount)


def _repository(job: Job) -> dict[str, str]:
    return {
        "issuer": job.issuer,
        "repository": job.repository.lower(),
        "repository_id": job.repository_id,
        "owner_id": job.owner_id,
    }


def _is_known(connection: Connection, job: Job) -> bool:
    """Return whether the ids of the repository are recorded. Raises Forbidden if they differ."""
    table = job_repositories.c
    found = connection.execute(
        select(table.repository_id)
        .where(table.issuer == job.issuer)
        .where(table.repository == job.repository.lower())
    ).scalar()
    if found is not None and found != job.repository_id:
        raise Forbidden(
            f"the repository {job.repository!r} had the id {found!r} before, and the token states "
            f"{job.repository_id!r}: it is another repository of the same name. If that is right, "
            f"an administrator runs `policyd issuers forget {job.issuer} {job.repository}`"
        )
    return found is not None


def _use_up(connection: Connection, job: Job, uid: str, now: int) -> None:
    table = job_tokens.c
    connection.execute(delete(job_tokens).where(table.expires < now))
    key = (table.issuer == job.issuer) & (table.token_id == job.token_id)
    used_for = connection.execute(select(table.uid).where(key)).scalar()
    if used_for is None:
        connection.execute(
            insert(job_tokens).values(
                issuer=job.issuer, token_id=job.token_id, expires=job.expires, uid=uid
            )
        )
    elif used_for != uid:
        raise Forbidden(
            "this token was used for another review that may grant; request a new token for each"
        )
