"""`policyd audit prune`: remove the content of old decisions.

In: an audit log, a time. Out: a log that is smaller and still verifies.
"""

from __future__ import annotations

import time

import click

from policyd.cli.audit_reading import opened
from policyd.cli.options import current_user, settings_options


@click.command("prune")
@settings_options("audit")
@click.option(
    "--before",
    metavar="TIME",
    required=True,
    help="Remove the content of decisions before this date or RFC 3339 time.",
)
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded.")
@click.option("--by", "actor", metavar="NAME", help="Who prunes. Default: the user of this shell.")
@click.option("--dry-run", is_flag=True, help="Only count the decisions.")
def prune(
    config: str | None,
    audit: str | None,
    before: str,
    reason: str,
    actor: str | None,
    dry_run: bool,
) -> int:
    """Remove the content of old decisions from the audit log.

    Hashes and grants remain, and so do time, place, user and the policies that reported of each
    decision: the log can be verified as before, and who held which GPU is still known. Decisions
    whose grants are held now keep their content. This cannot be undone; `policyd audit export` or
    `backup` keeps the content elsewhere. Webhooks may serve meanwhile.
    """  # fmt: skip
    from policyd.audit import retention
    from policyd.audit.event import rfc3339
    from policyd.audit.moments import nanoseconds, read_moment

    if not reason.strip():
        raise click.UsageError("--reason is empty: say why the content is removed")
    moment, now = rfc3339(nanoseconds(read_moment(before, "--before"))), time.time_ns()
    store = opened(config, audit)
    if dry_run:
        number = retention.prunable(store, moment, now).decisions
        click.echo(f"{_decisions(number)} would lose the content.")
        return 0
    by = actor if actor is not None else current_user()
    number, record = retention.prune(store, moment, now=now, actor=by, reason=reason)
    where = f"; event {record.sequence} records it" if record else ""
    click.echo(f"removed the content of {_decisions(number)}{where}.")
    return 0


def _decisions(number: int) -> str:
    return "1 decision" if number == 1 else f"{number} decisions"
