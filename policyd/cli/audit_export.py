"""`policyd audit export`: send the audit log elsewhere.

In: an audit log, filters. Out: JSON Lines or CSV on standard output or in a file; or batches of
decisions to an endpoint that takes the decision log of OPA.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from policyd.audit.event import DECISION
from policyd.audit.log_event import KINDS
from policyd.cli import complain
from policyd.cli.audit_reading import named_filters, period, period_options
from policyd.cli.options import close_at_end, settings, settings_options
from policyd.cli.output import format_option, show
from policyd.config import default_audit
from policyd.errors import AuditError
from policyd.formats.available import EXPORT
from policyd.formats.exported import ExportedPart

if TYPE_CHECKING:
    from policyd.audit.database import Database
    from policyd.audit.moments import Period

PATIENCE: Final = 300.0
"""Seconds for which a batch is repeated without --follow."""

EPILOG: Final = """\b
Examples:
  policyd audit export -o log.jsonl              all events, to verify elsewhere
  policyd audit verify --export log.jsonl
  policyd audit export --format csv --denied --since 2026-03-01
  policyd audit export --to https://logs.example/logs --state export.json --follow
\b
With --to, the position is kept in the file --state when the endpoint has
accepted a batch. An export that was killed continues there; it may send its
last batch again. A decision has an id by which the endpoint can tell.
"""


@click.command("export", epilog=EPILOG)
@settings_options("audit")
@format_option(EXPORT, "jsonl")
@click.option("-o", "--output", metavar="FILE", help="File to write. Default: print.")
@click.option(
    "--to", "url", metavar="URL", help="Send decisions to this URL, as the decision log of OPA."
)
@click.option("--state", metavar="FILE", help="File that keeps the position; requires --to.")
@click.option("--token-file", default="", metavar="FILE", help="File with a bearer token for --to.")
@click.option("--ca-file", default="", metavar="FILE", help="CA certificates to trust, a PEM file.")
@click.option("--insecure", is_flag=True, help="Permit http:// to another machine.")
@click.option("--follow", is_flag=True, help="Go on with new decisions until SIGTERM or SIGINT.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="Polling interval of --follow.",
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice((DECISION, *KINDS)),
    help="Only events of this kind. May be repeated. Default: all.",
)
@click.option(
    "--allowed/--denied", "allowed", default=None, help="Only decisions with this verdict."
)
@period_options("events")
@named_filters(
    "decisions", "repository", "project", "environment", "host", "user", "exception", "gpu"
)
@click.option("--policy", metavar="ID", help="Only decisions with a violation of this policy.")
@click.option("--commit", metavar="ID", help="Only decisions about this commit.")
def export(
    config: str | None,
    audit: str | None,
    form: str,
    output: str | None,
    kinds: Sequence[str],
    since: str | None,
    until: str | None,
    **options: Any,
) -> int:
    """Export the events of the audit log, oldest first.

    The log is only read. A filter other than --kind, --since and --until selects decisions only.
    """  # fmt: skip
    from policyd.audit.database import open_for_reading

    sending = {name: options.pop(name) for name in _SENDING}
    chosen = tuple(kinds)
    if sending["url"] is not None or any(value is not None for value in options.values()):
        if set(chosen) - {DECISION}:
            raise click.UsageError("--to and filters of decisions cannot be used with other --kind")
        chosen = (DECISION,)
    conditions = _conditions(chosen, period(since, until), options)
    database = open_for_reading(settings(config, audit=audit).audit or default_audit(os.environ))
    close_at_end(database)
    if sending["url"] is None:
        if sending["state"] or sending["follow"] or sending["token_file"]:
            raise click.UsageError("--state, --follow and --token-file require --to")
        _write(database, conditions, form, output, only_decisions=chosen == (DECISION,))
        return 0
    if output is not None or not sending["state"]:
        raise click.UsageError("--to requires --state FILE, and cannot be used with --output")
    _deliver(database, conditions, sending)
    return 0


_SENDING: Final = (
    "url", "state", "token_file", "ca_file", "insecure", "follow", "interval",
)  # fmt: skip


def _conditions(kinds: tuple[str, ...], within: Period, filters: Mapping[str, Any]) -> list[Any]:
    from policyd.audit import decision_queries
    from policyd.audit.tables import events

    if kinds == (DECISION,):
        return decision_queries.conditions({"period": within, **filters})  # type: ignore[typeddict-item]
    found: list[Any] = decision_queries.within(within)
    return [*found, events.c.kind.in_(kinds)] if kinds else found


def _write(
    database: Database, conditions: Sequence[Any], form: str, output: str | None, *,
    only_decisions: bool,
) -> None:  # fmt: skip
    from policyd.audit.export import last_position, pages

    through = last_position(database).sequence
    parts = pages(database, conditions, through=through)
    first = ExportedPart(next(parts, []), only_decisions)
    following = (ExportedPart(page, only_decisions, is_first=False) for page in parts)
    if output is None:
        for part in (first, *following):
            show(part, EXPORT, form)
        return
    try:
        temporary = f"{output}.part"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(EXPORT[form](first))
            for part in following:
                file.write(EXPORT[form](part))
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, output)
    except OSError as error:
        raise AuditError(f"{output}: cannot write the file: {error.strerror}") from error


def _deliver(database: Database, conditions: Sequence[Any], options: Mapping[str, Any]) -> None:
    from policyd.audit.decision_log_delivery import Delivery
    from policyd.audit.export_state import ExportState
    from policyd.http_endpoint import Endpoint

    endpoint = Endpoint(
        options["url"],
        "--to",
        token_file=options["token_file"],
        ca_file=options["ca_file"],
        insecure=options["insecure"],
    )
    state = ExportState(options["state"])
    with _stopping() as stopped, state.locked():
        delivery = Delivery(
            database,
            endpoint,
            state,
            conditions,
            wait=stopped.wait,
            complain=lambda sentence: complain(sentence, "warning"),
            patience=None if options["follow"] else PATIENCE,
        )
        if options["follow"]:
            delivery.follow(options["interval"])
        else:
            delivery.deliver()
    number = f"{delivery.delivered} decision{'' if delivery.delivered == 1 else 's'}"
    click.echo(f"{endpoint.name}: {number} delivered, up to event {delivery.position.sequence}")


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set, so that a batch in progress ends first."""
    stopped = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stopped.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
