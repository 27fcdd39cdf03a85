"""`policyd audit grants`, `gpus`, `usage` and `revoke`: who holds which accelerator.

In: an audit log, filters, the inventory of the policy set. Out: text, JSON, CSV or JSON Lines on
standard output. `revoke` appends to the log.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from policyd.cli.audit_reading import (
    named_filters,
    opened,
    period,
    period_options,
    reading,
    time_filters,
)
from policyd.cli.options import current_user, settings, settings_options
from policyd.cli.output import show
from policyd.errors import NotFound, RequestError
from policyd.formats.available import DEVICES, GRANTS, USAGE
from policyd.formats.grants import Grants

if TYPE_CHECKING:
    from policyd.audit.event import GrantRecord
    from policyd.audit.store import Store
    from policyd.audit.usage import Grouping

_GROUPINGS: Final = ("team", "repository", "host", "user")
_EVERY: Final = 1_000_000
_at = click.option("--at", metavar="TIME", help="Only what was held at this date or RFC 3339 time.")


@click.command("grants")
@reading(GRANTS)
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=200, show_default=True)
@click.option("--all", "everything", is_flag=True, help="Include grants that have ended.")
@_at
@period_options("what was held")
@named_filters("grants", "repository", "project", "environment", "host", "user", "exception", "gpu")
@click.option(
    "--double-booked",
    is_flag=True,
    help="Only grants of a device that another grant on the same host had at the same time.",
)
def grants(
    config: str | None,
    audit: str | None,
    form: str,
    limit: int,
    everything: bool,
    at: str | None,
    since: str | None,
    until: str | None,
    **filters: Any,
) -> int:
    """List who holds, or held, which accelerator, newest first.

    Without --at, --since, --until and --all: who holds it now. A date is its first moment in UTC.
    """
    times = time_filters(at, since, until)
    active = not (everything or at or since or until)
    store = opened(config, audit)
    records = store.grants(limit, active=active, **times, **filters)
    show(Grants(store.name, records, limit, active=active), GRANTS, form)
    return 0


@click.command("gpus")
@reading(DEVICES, "policy_set")
@click.option("--host", metavar="NAME", help="Only devices of this host.")
@click.option("--free", is_flag=True, help="Only devices that nobody holds.")
@_at
def devices(
    config: str | None,
    audit: str | None,
    policy_set: str | None,
    level: str | None,
    form: str,
    host: str | None,
    free: bool,
    at: str | None,
) -> int:
    """List the devices of the inventory, which are free, and who holds the others.

    The inventory is that of the policy set. A device is held as long as it is granted.
    """
    from policyd.holdings import device_list

    moment = time_filters(at, None, None)["at"]
    hosts = _inventory(config, policy_set, level)
    if host is not None and host not in hosts:
        raise NotFound(f"the inventory of the policy set has no host {host!r}")
    store = opened(config, audit)
    chosen = {host: hosts[host]} if host else hosts
    show(device_list(store, chosen, moment or _now(), free=free), DEVICES, form)
    return 0


@click.command("usage")
@reading(USAGE, "policy_set")
@period_options("the time")
@click.option(
    "--by", type=click.Choice(_GROUPINGS), default="team", show_default=True,
    help="What the GPU-hours are summed by.",
)  # fmt: skip
@click.option(
    "--depth", type=click.IntRange(1, 20), metavar="N",
    help="A team is the first N parts of a repository. Default: all but the last.",
)  # fmt: skip
@named_filters("grants", "repository", "environment", "host", "user")
def usage(
    config: str | None,
    audit: str | None,
    policy_set: str | None,
    level: str | None,
    form: str,
    since: str | None,
    until: str | None,
    by: Grouping,
    depth: int | None,
    **filters: Any,
) -> int:
    """Sum up how long GPUs were held, by team.

    A GPU that a team holds several times at once counts once. What is held is not always used.
    """
    from policyd.holdings import usage_list

    within = period(since, until)
    hosts = _inventory(config, policy_set, level)
    store = opened(config, audit)
    listed = usage_list(store, within, _now(), by=by, depth=depth, hosts=hosts, **filters)
    show(listed, USAGE, form)
    return 0


@click.command("revoke")
@settings_options("audit")
@click.argument("names", nargs=-1, metavar="[GRANT]...")
@named_filters("grants", "repository", "project", "environment", "host")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded.")
@click.option("--by", "actor", metavar="NAME", help="Who revokes. Default: the user of this shell.")
@click.option("--dry-run", is_flag=True, help="Only show which grants would be revoked.")
def revoke(
    config: str | None,
    audit: str | None,
    names: Sequence[str],
    reason: str,
    actor: str | None,
    dry_run: bool,
    **filters: str | None,
) -> int:
    """End grants, as an event in the audit log.

    GRANT is SEQUENCE.POSITION, as `policyd audit grants` shows it. Without one, all active grants
    of the given repository, project, environment and host are revoked. This changes what is
    recorded; it stops no container.
    """
    if bool(names) == any(value is not None for value in filters.values()):
        raise click.UsageError("name either grants, or a repository, project, environment or host")
    if not reason.strip():
        raise click.UsageError("--reason is empty: say why the grants are revoked")
    store = opened(config, audit)
    records = _named(store, names) if names else store.grants(_EVERY, **filters)  # type: ignore[arg-type]
    if not records:
        raise NotFound("there is no such active grant")
    if not dry_run:
        by = actor if actor is not None else current_user()
        store.revoke(records, now=time.time_ns(), actor=by, reason=reason)
    show(Grants(store.name, records, len(records) + 1, active=True), GRANTS)
    number = "1 grant" if len(records) == 1 else f"{len(records)} grants"
    click.echo(f"{number} {'would be' if dry_run else 'now'} revoked.")
    return 0


def _named(store: Store, names: Sequence[str]) -> list[GrantRecord]:
    """Return the active grants so named. Raises NotFound, RequestError."""
    from policyd.audit.log_event import grant_key

    found = []
    for name in dict.fromkeys(names):
        try:
            key = grant_key(name)
        except ValueError as error:
            raise RequestError(str(error)) from error
        record = store.active_grant(*key)
        if record is None:
            raise NotFound(f"there is no active grant {name}")
        found.append(record)
    return found


def _inventory(config: str | None, policy_set: str | None, level: str | None) -> Any:
    from policyd.bootstrap import configured_policy_set
    from policyd.grants.resolution import inventory

    return inventory(
        configured_policy_set(settings(config, policy_set=policy_set, level=level)).data
    )


def _now() -> str:
    from policyd.audit.event import rfc3339

    return rfc3339(time.time_ns())
