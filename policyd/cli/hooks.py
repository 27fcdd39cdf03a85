"""`policyd hooks`: the pushes that registries and forges reported, and how their reviews stand.

In: an audit log, filters. Out: a table or JSON on standard output.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, get_args

import click

from policyd.cli import hooks_setup
from policyd.cli.options import close_at_end, settings, settings_options
from policyd.cli.output import format_option, show
from policyd.config import default_audit
from policyd.errors import NotFound
from policyd.formats.available import PUSHES
from policyd.formats.pushes import ListedPushes
from policyd.hooks.events import UNFINISHED, PushState

if TYPE_CHECKING:
    from policyd.audit.pushes import Pushes


@click.group("hooks")
def command() -> None:
    """Connect forges, and read and repeat the reviews of what registries and forges report."""


command.add_command(hooks_setup.add)
command.add_command(hooks_setup.test)


@command.command("list")
@settings_options("audit")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--registry", metavar="NAME", help="Only pushes to this registry, or forge/NAME.")
@click.option(
    "--state",
    type=click.Choice(get_args(PushState)),
    help="Only pushes in this state. Default: all but done.",
)
@format_option(PUSHES)
def list_pushes(
    config: str | None,
    audit: str | None,
    limit: int,
    registry: str | None,
    state: PushState | None,
    form: str,
) -> int:
    """List pushes whose review waits, runs or has failed, newest first.

    A push that was reviewed is kept as done for a day, one that failed for 30 days.
    """
    name, pushes = _pushes(config, audit)
    found = pushes.records(limit, registry=registry, states=(state,) if state else UNFINISHED)
    show(ListedPushes(name, found, limit), PUSHES, form)
    return 0


@command.command("retry")
@settings_options("audit")
@click.option("--registry", metavar="NAME", help="Only pushes to this registry, or forge/NAME.")
@click.argument("event_ids", nargs=-1, metavar="[EVENT]...")
def retry(
    config: str | None, audit: str | None, registry: str | None, event_ids: tuple[str, ...]
) -> int:
    """Review pushes again, with all attempts.

    EVENT is the id of an event of `policyd hooks list`, of a push that has failed or waits. Without
    one, all pushes that have failed are reviewed again. The running webhook does it.
    """
    _, pushes = _pushes(config, audit)
    number = pushes.retry(time.time_ns(), registry=registry, event_ids=event_ids)
    if event_ids and number < len(set(event_ids)):
        raise NotFound(
            f"{number} of {len(set(event_ids))} pushes will be reviewed again; the others are not "
            "known, run at the moment, or are done"
        )
    click.echo(f"{number or 'No'} push{'' if number == 1 else 'es'} will be reviewed again.")
    return 0


def _pushes(config: str | None, audit: str | None) -> tuple[str, Pushes]:
    """Return the name of the audit log, and the pushes in its database."""
    from policyd.audit.pushes import Pushes
    from policyd.audit.store import open_store

    url = settings(config, audit=audit).audit or default_audit(os.environ)
    store = open_store(url, create=False)
    close_at_end(store)
    return store.name, Pushes(store)
