"""`policyd audit policy-set`: which rule was in force, and its text.

In: an audit log, a time or a revision. Out: the policy set that was in force, as text or JSON.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

import click

from policyd.audit.moments import Period, nanoseconds, read_moment
from policyd.cli.audit_reading import opened, reading
from policyd.cli.output import show
from policyd.errors import NotFound
from policyd.formats.available import POLICY_SET_IN_FORCE
from policyd.formats.policy_set_in_force import PolicySetInForce
from policyd.suggestion import did_you_mean

if TYPE_CHECKING:
    from policyd.audit.store import Store
    from policyd.model import AuditRecord

_EVERY: Final = 1_000_000


@click.command("policy-set")
@reading(POLICY_SET_IN_FORCE)
@click.option("--at", metavar="TIME", help="Date or RFC 3339 time. Default: now.")
@click.option(
    "--revision", metavar="REVISION", help="The one with this revision, or that begins with it."
)
@click.option("--policy", metavar="ID", default="", help="Show the text of this policy.")
@click.option("--exception", metavar="NAME", default="", help="Show this exception.")
@click.option("--entitlement", metavar="NAME", default="", help="Show this entitlement.")
def policy_set(
    config: str | None,
    audit: str | None,
    form: str,
    at: str | None,
    revision: str | None,
    policy: str,
    exception: str,
    entitlement: str,
) -> int:
    """Show the policy set that was in force, with the text of its rules.

    `policyd serve` records each policy set that it puts in force. A grant states its revision.
    """
    from policyd.audit.log_event import log_event_of
    from policyd.policies.recorded_policy_set import read_content

    if at and revision:
        raise click.UsageError("--at cannot be combined with --revision")
    store = opened(config, audit)
    found = _with_revision(store, revision) if revision else _in_force(store, at)
    recorded = read_content(store.document(log_event_of(found).details["document"]))
    exceptions = [str(one["name"]) for one in recorded.exceptions]
    for kind, name, known in (
        ("policy", policy, recorded.policies),
        ("exception", exception, exceptions),
        ("entitlement", entitlement, recorded.entitlements),
    ):
        _check(recorded.name, kind, name, known)
    shown = PolicySetInForce(recorded, found.sequence, found.time, policy, exception, entitlement)
    show(shown, POLICY_SET_IN_FORCE, form)
    return 0


def _in_force(store: Store, at: str | None) -> AuditRecord:
    """Return the last policy set that was put in force until `at`. Raises NotFound."""
    from policyd.audit.event import rfc3339

    until = rfc3339(nanoseconds(read_moment(at, "--at")) + 1) if at else ""
    found = store.events(1, kinds=("policy-set",), period=Period(until=until))
    if not found:
        when = f"at {at}" if at else "until now"
        raise NotFound(f"{store.name} records no policy set that was in force {when}")
    return found[0]


def _with_revision(store: Store, revision: str) -> AuditRecord:
    """Return the last policy set whose revision begins with `revision`. Raises NotFound."""
    from policyd.audit.log_event import log_event_of

    beginning = f"sha256:{revision.removeprefix('sha256:')}"
    for record in store.events(_EVERY, kinds=("policy-set",)):
        if str(log_event_of(record).details["revision"]).startswith(beginning):
            return record
    raise NotFound(f"{store.name} records no policy set with the revision {beginning}")


def _check(policy_set: str, kind: str, name: str, known: Collection[str]) -> None:
    if name and name not in known:
        hint = did_you_mean(name, known)
        raise NotFound(f"the policy set {policy_set} had no {kind} {name}{hint}")
