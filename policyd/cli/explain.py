"""`policyd explain`: explain a policy to the author of a project, offline.

In: the ID of a policy. Out: why, examples, the fix, and how to ask for an exception.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from policyd.cli.options import local_settings, settings_options
from policyd.cli.output import show
from policyd.errors import NotFound
from policyd.fixes.mechanical import MECHANICAL
from policyd.formats.available import EXPLAINABLE, EXPLANATION
from policyd.formats.explanation import Explainable, Explanation
from policyd.formats.policies import PolicyInSet
from policyd.policies.examples import built_in_policies, examples
from policyd.policies.policy_set import load_policy_set
from policyd.suggestion import did_you_mean

EPILOG: Final = """\b
Examples:
  policyd explain
  policyd explain no-all-gpus
"""


@click.command("explain", epilog=EPILOG)
@click.argument("policy_id", metavar="[POLICY]", required=False)
@settings_options("policy_set")
def command(policy_id: str | None, **options: Any) -> int:
    """Explain a policy: why it denies, examples, the fix, and exceptions.

    Without POLICY, list all policies: those of the policy set, and built-in ones that it leaves
    out. Nothing is fetched.
    """
    path = local_settings(**options).policy_set
    policy_set = load_policy_set(Path(path) if path else None)
    known = {**built_in_policies(), **policy_set.policies}
    if policy_id is None:
        listed = {id_: PolicyInSet(known[id_], policy_set) for id_ in sorted(known)}
        show(Explainable(listed), EXPLAINABLE)
        return 0
    if policy_id not in known:
        hint = did_you_mean(policy_id, known) or "; `policyd explain` lists all of them"
        raise NotFound(f"unknown policy {policy_id}{hint}")
    policy = known[policy_id]
    folder = _folder(path) if path else None
    does = MECHANICAL[policy_id].does if policy_id in MECHANICAL else ""
    show(Explanation(PolicyInSet(policy, policy_set), examples(policy, folder), does), EXPLANATION)
    return 0


def _folder(path: str) -> Path:
    """Return the folder of the policy set at `path`: its packs lie beside it."""
    return Path(path) if Path(path).is_dir() else Path(path).parent
