"""`policyd audit`: read the audit log and the grants.

In: an audit log, filters. Out: tables or JSON on standard output. `audit_evidence.py` has the
commands that prove and verify it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from policyd.cli import audit_evidence
from policyd.cli.options import Command, close_at_end, settings, settings_options
from policyd.cli.output import format_option, show
from policyd.config import default_audit
from policyd.formats.audit_log import Decisions
from policyd.formats.available import DECISION, DECISIONS, GRANTS
from policyd.formats.grants import Grants

if TYPE_CHECKING:
    from policyd.audit.store import Store


@click.group("audit")
def command() -> None:
    """Read past decisions, and who holds which GPU."""


def _not_empty(_context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty; give the name of a device", param=option)
    return value


def _reading(formats: Iterable[str]) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of a command that reads the audit log."""

    def decorate(function: Command) -> Command:
        return settings_options("audit")(format_option(formats)(function))

    return decorate


@command.command("list")
@_reading(DECISIONS)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option(
    "--allowed/--denied", "allowed", default=None, help="Only decisions with this verdict."
)
@click.option("--repository", metavar="NAME", help="Only decisions about this repository.")
@click.option("--project", metavar="NAME", help="Only decisions about this project.")
@click.option("--policy", metavar="ID", help="Only decisions with a violation of this policy.")
@click.option("--commit", metavar="ID", help="Only decisions about this commit.")
def list_decisions(
    config: str | None,
    audit: str | None,
    form: str,
    limit: int,
    allowed: bool | None,
    **filters: Any,
) -> int:
    """List decisions, newest first."""
    store = _store(config, audit)
    records = store.decisions(
        limit,
        allowed=allowed,
        **filters,
    )
    show(Decisions(store.name, records, limit), DECISIONS, form)
    return 0


@command.command("show")
@_reading(DECISION)
@click.argument("decision_id", metavar="DECISION")
def show_decision(config: str | None, audit: str | None, form: str, decision_id: str) -> int:
    """Show one decision in full."""
    show(_store(config, audit).decision(decision_id), DECISION, form)
    return 0


@command.command("grants")
@_reading(GRANTS)
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True)
@click.option("--all", "everything", is_flag=True, help="Include grants that have ended.")
@click.option("--repository", metavar="NAME", help="Only grants of this repository.")
@click.option("--project", metavar="NAME", help="Only grants of this project.")
@click.option("--environment", metavar="NAME", help="Only grants in this environment.")
@click.option("--host", metavar="NAME", help="Only grants on this host.")
@click.option(
    "--gpu",
    metavar="ID",
    callback=_not_empty,
    help="Only grants of this device (index, UUID, CDI name or node) and grants of all devices.",
)
@click.option(
    "--double-booked",
    is_flag=True,
    help="Only active grants of a device that another active grant on the same host has too.",
)
def grants(
    config: str | None,
    audit: str | None,
    form: str,
    limit: int,
    everything: bool,
    **filters: Any,
) -> int:
    """List who holds which accelerator, newest first."""
    store = _store(config, audit)
    records = store.grants(
        limit,
        active=not everything,
        **filters,
    )
    show(Grants(store.name, records, limit, active=not everything), GRANTS, form)
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

    store = _store(config, audit)
    number = delete_inputs_before(store.database, before.strftime("%Y-%m-%d"))
    click.echo(f"deleted {number} input{'' if number == 1 else 's'}")
    return 0


command.add_command(audit_evidence.checkpoint)
command.add_command(audit_evidence.prove)
command.add_command(audit_evidence.public_key)
command.add_command(audit_evidence.verify)


def _store(config: str | None, audit: str | None) -> Store:
    from policyd.audit.store import open_store

    url = settings(config, audit=audit).audit or default_audit(os.environ)
    store = open_store(url, create=False)
    close_at_end(store)
    return store
