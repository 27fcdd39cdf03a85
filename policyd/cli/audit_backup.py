"""`policyd audit backup` and `restore`: copies of the audit log.

In: an audit log or a backup. Out: a file, and its last event on standard output.
"""

from __future__ import annotations

import os

import click

from policyd.cli.options import close_at_end, settings, settings_options
from policyd.config import default_audit
from policyd.masking import without_credentials


@click.command("backup")
@settings_options("audit")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False))
def backup(config: str | None, audit: str | None, file: str) -> int:
    """Write the audit log to a new file, also while the webhook serves.

    The copy is one state of the log, as an SQLite file, also of a log on PostgreSQL. Its last
    sequence number and hash are printed for `policyd audit verify --expect`.
    """
    from policyd.audit.backup import back_up
    from policyd.audit.database import open_for_reading
    from policyd.audit.store import open_store

    url = settings(config, audit=audit).audit or default_audit(os.environ)
    if _is_server(url):
        store = open_store(url, create=False)
        close_at_end(store)
        database = store.database
    else:
        database = open_for_reading(url)
        close_at_end(database)
    number, last = back_up(database, file)
    click.echo(f"{file}: event {number} is the last: {number}:{last}")
    return 0


@click.command("restore")
@settings_options("audit")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
def restore(config: str | None, audit: str | None, file: str) -> int:
    """Write a backup to the place of the audit log, where there is none.

    The backup is verified first. It may be of a log on another kind of database, and of an earlier
    version. A database of PostgreSQL must exist and have no events. Stop the webhook before, and
    start it afterwards.
    """
    from policyd.audit import backup as copies
    from policyd.audit.database import open_for_reading

    url = settings(config, audit=audit).audit or default_audit(os.environ)
    database = open_for_reading(file)
    close_at_end(database)
    if _is_server(url):
        number, last = copies.restore_to_server(database, url)
        name = without_credentials(url)
    else:
        name = url.removeprefix("sqlite:///")
        number, last = copies.restore(database, os.path.abspath(name))
    click.echo(f"{name}: event {number} is the last: {number}:{last}")
    return 0


def _is_server(url: str) -> bool:
    return url.startswith("postgres")
