"""`policyd audit policy-set`: which rule was in force, and its text.

In: an audit log, a time. Out: the policy set that was in force then, as text or JSON.
"""

from __future__ import annotations

import click

from policyd.audit.moments import Period, nanoseconds, read_moment
from policyd.cli.audit_reading import opened, reading
from policyd.cli.output import show
from policyd.errors import NotFound
from policyd.formats.available import POLICY_SET_IN_FORCE
from policyd.formats.policy_set_in_force import PolicySetInForce
from policyd.suggestion import did_you_mean


@click.command("policy-set")
@reading(POLICY_SET_IN_FORCE)
@click.option("--at", metavar="TIME", help="Date or RFC 3339 time. Default: now.")
@click.option("--policy", metavar="ID", default="", help="Show the text of this policy.")
def policy_set(
    config: str | None, audit: str | None, form: str, at: str | None, policy: str
) -> int:
    """Show the policy set that was in force, with the text of its rules.

    `policyd serve` records each policy set that it puts in force.
    """
    from policyd.audit.event import rfc3339
    from policyd.audit.log_event import log_event_of
    from policyd.policies.recorded_policy_set import read_content

    until = rfc3339(nanoseconds(read_moment(at, "--at")) + 1) if at else ""
    store = opened(config, audit)
    found = store.events(1, kinds=("policy-set",), period=Period(until=until))
    if not found:
        when = f"at {at}" if at else "until now"
        raise NotFound(f"{store.name} records no policy set that was in force {when}")
    document = log_event_of(found[0]).details["document"]
    recorded = read_content(store.document(document))
    if policy and policy not in recorded.policies:
        hint = did_you_mean(policy, recorded.policies)
        raise NotFound(f"the policy set {recorded.name} had no policy {policy}{hint}")
    shown = PolicySetInForce(recorded, found[0].sequence, found[0].time, policy)
    show(shown, POLICY_SET_IN_FORCE, form)
    return 0
