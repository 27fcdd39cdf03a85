"""`policyd audit`: read the audit log.

In: an audit log, filters. Out: text, JSON, CSV or JSON Lines on standard output. `audit_grants.py`
has the commands about grants, `audit_evidence.py` those that prove and verify the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from policyd.cli import (
    audit_backup,
    audit_evidence,
    audit_export,
    audit_grants,
    audit_policy_set,
    audit_prune,
    audit_verify,
)
from policyd.cli.audit_reading import named_filters, opened, period, period_options, reading
from policyd.cli.options import settings_options
from policyd.cli.output import show
from policyd.formats.audit_log import Decisions
from policyd.formats.available import DECISION, DECISIONS, EVENTS
from policyd.formats.events import Events

_KINDS = (
    "decision", "start", "stop", "policy-set", "settings", "token-created", "token-revoked",
    "grant-revoked", "exception-used", "checkpoint", "retention", "push-retried", "log-verified",
)  # fmt: skip


@click.group("audit")
def command() -> None:
    """Read past decisions, and who holds which GPU."""


@command.command("list")
@reading(DECISIONS)
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True)
@click.option(
    "--allowed/--denied", "allowed", default=None, help="Only decisions with this verdict."
)
@period_options("decisions")
@named_filters(
    "decisions", "repository", "project", "environment", "host", "user", "exception", "gpu"
)
@click.option("--policy", metavar="ID", help="Only decisions with a violation of this policy.")
@click.option("--commit", metavar="ID", help="Only decisions about this commit.")
def list_decisions(
    config: str | None,
    audit: str | None,
    form: str,
    limit: int,
    since: str | None,
    until: str | None,
    **filters: Any,
) -> int:
    """List decisions, newest first.

    A date is its first moment in UTC: March is --since 2026-03-01 --until 2026-04-01.
    """
    within = period(since, until)
    store = opened(config, audit)
    records = store.decisions(limit, period=within, **filters)
    show(Decisions(store.name, records, limit), DECISIONS, form)
    return 0


@command.command("events")
@reading(EVENTS)
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True)
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(_KINDS),
    help="Only events of this kind. May be repeated. Default: all but decisions.",
)  # fmt: skip
@period_options("events")
def list_events(
    config: str | None,
    audit: str | None,
    form: str,
    limit: int,
    kinds: Sequence[str],
    since: str | None,
    until: str | None,
) -> int:
    """List what changed the rules, the grants and the log, newest first."""
    within = period(since, until)
    store = opened(config, audit)
    records = store.events(limit, kinds=kinds or _KINDS[1:], period=within)
    show(Events(store.name, records, limit), EVENTS, form)
    return 0


@command.command("delete-inputs")
@settings_options("audit")
@click.option(
    "--before",
    metavar="DAY",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="Delete the inputs whose last decision was before this day (YYYY-MM-DD, UTC).",
)
def delete_inputs(config: str | None, audit: str | None, before: datetime) -> int:
    """Delete recorded inputs of decisions. The decisions and the hash chain stay as they are."""
    from policyd.audit.inputs import delete_inputs as delete_inputs_before

    store = opened(config, audit)
    number = delete_inputs_before(store.database, before.strftime("%Y-%m-%d"))
    click.echo(f"deleted {number} input{'' if number == 1 else 's'}")
    return 0


@command.command("show")
@reading(DECISION)
@click.argument("decision_id", metavar="DECISION")
def show_decision(config: str | None, audit: str | None, form: str, decision_id: str) -> int:
    """Show one decision in full."""
    show(opened(config, audit).decision(decision_id), DECISION, form)
    return 0


command.add_command(audit_grants.grants)
command.add_command(audit_grants.devices)
command.add_command(audit_grants.usage)
command.add_command(audit_grants.revoke)
command.add_command(audit_policy_set.policy_set)
command.add_command(audit_export.export)
command.add_command(audit_prune.prune)
command.add_command(audit_backup.backup)
command.add_command(audit_backup.restore)
command.add_command(audit_evidence.checkpoint)
command.add_command(audit_evidence.prove)
command.add_command(audit_evidence.public_key)
command.add_command(audit_verify.verify)
