"""`policyd audit backup` and `restore`: copies of the audit log.

In: an audit log or a backup. Out: a file, and its last event on standard output.
"""

from __future__ import annotations

import os

import click

from policyd.cli.options import close_at_end, settings, settings_options
from policyd.config import default_audit
from policyd.errors import AuditError


@click.command("backup")
@settings_options("audit")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False))
def backup(config: str | None, audit: str | None, file: str) -> int:
    """Write the audit log to a new file, also while the webhook serves.

    The copy is one state of the log. Its last sequence number and hash are printed for
    `policyd audit verify --expect`. A log on PostgreSQL is backed up with pg_dump.
    """
    from policyd.audit.backup import back_up
    from policyd.audit.database import open_for_reading

    database = open_for_reading(settings(config, audit=audit).audit or default_audit(os.environ))
    close_at_end(database)
    number, last = back_up(database, file)
    click.echo(f"{file}: event {number} is the last: {number}:{last}")
    return 0


@click.command("restore")
@settings_options("audit")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
def restore(config: str | None, audit: str | None, file: str) -> int:
    """Write a backup to the place of the audit log, where there is none.

    The backup is verified first. Stop the webhook before, and start it afterwards.
    """
    from policyd.audit import backup as copies
    from policyd.audit.database import open_for_reading

    url = settings(config, audit=audit).audit or default_audit(os.environ)
    if url.startswith("postgres"):
        raise AuditError("a log on PostgreSQL is restored with pg_restore")
    path = url.removeprefix("sqlite:///")
    database = open_for_reading(file)
    close_at_end(database)
    number, last = copies.restore(database, os.path.abspath(path))
    click.echo(f"{path}: event {number} is the last: {number}:{last}")
    return 0
