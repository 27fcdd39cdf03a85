"""`policyd audit`: read the audit log and the grants.

In: an audit log, filters. Out: tables or JSON on standard output. `verify` exits with 1 if the
audit log was changed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from policyd import wire
from policyd.audit.event import DecisionEvent, GrantRecord, event_of
from policyd.cli import DENIED
from policyd.cli.options import Command, close_at_end, settings, settings_options
from policyd.config import default_audit
from policyd.formats import text
from policyd.formats.json import document
from policyd.formats.report import Report
from policyd.formats.reviewed import Reviewed
from policyd.formats.table import table, visible
from policyd.model import AuditRecord, Decision

if TYPE_CHECKING:
    from policyd.audit.store import Store

LIST_HEADER: Final = (
    "SEQUENCE", "TIME", "VERDICT", "OPERATION", "BY", "REPOSITORY", "PROJECT", "POLICIES",
    "DECISION",
)  # fmt: skip
GRANT_HEADER: Final = (
    "SINCE", "REPOSITORY", "PROJECT", "ENVIRONMENT", "HOST", "SERVICE", "VENDOR", "METHOD",
    "DEVICES", "REPLICAS", "BY", "EXCEPTIONS", "STATE",
)  # fmt: skip


@click.group("audit")
def command() -> None:
    """Read past decisions, and who holds which GPU."""


def _not_empty(_context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty; give the name of a device", param=option)
    return value


def _reading(function: Command) -> Command:
    for option in (
        click.option(
            "--format", "form", type=click.Choice(["text", "json"]), default="text",
            show_default=True,
        ),
        settings_options("audit"),
    ):  # fmt: skip
        function = option(function)
    return function


@command.command("list")
@_reading
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
    repository: str | None,
    **filters: Any,
) -> int:
    """List decisions, newest first."""
    store = _store(config, audit)
    records = store.decisions(
        limit,
        allowed=allowed,
        repositories=None if repository is None else [repository],
        **filters,
    )
    if form == "json":
        return _print(document(wire.audit_record_list(records, limit)))
    if not records:
        return _print(f"No decisions in {store.name}.\n")
    rows = [_decision_row(record, event_of(record)) for record in records]
    return _print("\n".join(table(LIST_HEADER, rows)) + "\n")


@command.command("show")
@_reading
@click.argument("decision_id", metavar="DECISION")
def show(config: str | None, audit: str | None, form: str, decision_id: str) -> int:
    """Show one decision in full."""
    record = _store(config, audit).decision(decision_id)
    if form == "json":
        return _print(document(wire.audit_record(record)))
    event = event_of(record)
    review = event.input.review
    facts = [
        ("decision", event.decision_id),
        ("time", event.timestamp),
        ("requested by", " ".join((review.user_info.username, *review.user_info.groups))),
        ("enforced at", review.enforcement_point),
        ("operation", review.operation + (" (dry run)" if review.dry_run else "")),
        *msgspec.structs.asdict(review.source).items(),
        ("digest", event.input.project.digest),
        ("policy set", " ".join(f"{name} {b['revision']}" for name, b in event.bundles.items())),
        ("hash", record.hash),
    ]
    lines = [f"{name + ':':<12} {visible(value)}\n" for name, value in facts if value]
    body = text.render(Report([Reviewed(event.input.project.name or "project", event.result)]))
    return _print(f"{body}\n{''.join(lines)}")


@command.command("grants")
@_reading
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
    repository: str | None,
    **filters: Any,
) -> int:
    """List who holds which accelerator, newest first."""
    store = _store(config, audit)
    records = store.grants(
        limit,
        active=not everything,
        repositories=None if repository is None else [repository],
        **filters,
    )
    if form == "json":
        return _print(document(wire.grant_list(records, limit)))
    if not records:
        return _print(f"No {'' if everything else 'active '}grants in {store.name}.\n")
    return _print("\n".join(table(GRANT_HEADER, [_grant_row(record) for record in records])) + "\n")


@command.command("verify")
@_reading
def verify(config: str | None, audit: str | None, form: str) -> int:
    """Verify that nobody has changed the audit log."""
    store = _store(config, audit)
    report = store.verify()
    if form == "json":
        _print(document(report))
    elif report.ok:
        _print(f"{store.name}: {report.events} events are intact; the last hash is {report.head}\n")
    else:
        for problem in report.problems:
            _print(f"{store.name}: {visible(str(problem))}\n")
    return 0 if report.ok else DENIED


def _store(config: str | None, audit: str | None) -> Store:
    from policyd.audit.store import open_store

    url = settings(config, audit=audit).audit or default_audit(os.environ)
    store = open_store(url, create=False)
    close_at_end(store)
    return store


def _print(output: str) -> int:
    click.echo(output, nl=False)
    return 0


def _decision_row(record: AuditRecord, event: DecisionEvent) -> list[str]:
    review = event.input.review
    return [
        str(record.sequence),
        _seconds(event.timestamp),
        _verdict(event.result),
        review.operation,
        review.user_info.username,
        review.source.repository,
        event.input.project.name,
        ",".join(sorted({violation.policy for violation in event.result.violations})),
        event.decision_id,
    ]


def _verdict(decision: Decision) -> str:
    """Return the verdict, and whether exceptions were applied."""
    verdict = "allowed" if decision.allowed else "denied"
    if any(one.break_glass for one in decision.exempted):
        return f"{verdict}, BREAK GLASS"
    return f"{verdict}, exempted" if decision.exempted else verdict


def _grant_row(record: GrantRecord) -> list[str]:
    return [
        _seconds(record.time),
        record.repository,
        record.project,
        record.environment,
        record.host,
        text.workload(record),
        record.vendor,
        record.method,
        text.devices(record.devices, record.method) + text.certainty(record),
        str(record.replicas),
        record.username,
        ",".join(record.exceptions or ()),
        record.state,
    ]


def _seconds(time: str) -> str:
    return time[:19] + "Z"
