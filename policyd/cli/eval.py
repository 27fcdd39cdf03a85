"""`policyd eval`: evaluate a query or a policy on a project, or explain a policy.

In: a Rego query or the ID of a policy, and the arguments of Compose. Out: JSON or an explanation on
standard output, what `print` writes on standard error.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from policyd.cli.options import (
    EVERY_PROFILE,
    ComposeFlags,
    Target,
    bundle,
    caller_environment,
    compose_flags,
    compose_options,
    current_folder,
    local_settings,
    question,
    settings_options,
    stdin,
)
from policyd.cli.output import show
from policyd.errors import NotFound
from policyd.formats.available import POLICY_TRACE
from policyd.formats.rego_trace import PolicyTrace
from policyd.formats.table import visible
from policyd.loading import load_project
from policyd.model import Source
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.manifests import plain_constraint
from policyd.policies.parameters import defaults
from policyd.policies.policy_set import PolicySet, load_draft
from policyd.policy_input import review_input
from policyd.rego_evaluation import Evaluation, evaluate, model_input
from policyd.rego_trace import MAX_LEVELS, trace
from policyd.resolution import HostResolver
from policyd.suggestion import did_you_mean

EPILOG: Final = """\b
Examples:
  policyd eval no-privileged
  policyd eval 'input.workloads[_].image' -f compose.yaml
  policyd eval --explain own-images --policy-set rules
  policyd eval own-images --trace --policy-set rules
  policyd config --format review > input.json
  policyd eval 'count(input.workloads)' --input input.json
\b
A policy without a constraint is evaluated with its default parameters.
Policies may call print here.
"""


@click.command("eval", epilog=EPILOG, short_help="Evaluate a query or a policy on a project.")
@click.argument("query", required=False)
@compose_options
@click.option(
    "--explain", metavar="POLICY", help="Show the first expression of POLICY that does not hold."
)
@click.option(
    "--trace",
    "traced",
    is_flag=True,
    help="Show each expression of the policy QUERY with its values, also in rules that it calls.",
)
@click.option(
    "--input",
    "document",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The input of policies as JSON, in place of a project.",
)
@settings_options("policy_set")
def command(
    query: str | None, explain: str | None, traced: bool, document: Path | None, **options: Any
) -> int:
    """Evaluate QUERY, a Rego query or the ID of a policy, on a project."""
    if (query is None) == (explain is None):
        raise click.UsageError("name either a query, the ID of a policy, or --explain POLICY")
    flags = compose_flags(options)
    path = local_settings(**options).policy_set
    policy_set = load_draft(Path(path) if path else None)
    asked = query if query in policy_set.policies and not explain else explain
    if (explain or traced) and asked not in policy_set.policies:
        near = did_you_mean(str(query or explain), policy_set.policies)
        raise NotFound(f"unknown policy {query or explain}{near}")
    content = document.read_bytes() if document else _input(policy_set, asked, flags)
    policy = policy_set.policies[asked] if asked else None
    if policy and policy.plain_action:
        content = model_input(content)
    if policy and (explain or traced):
        levels = MAX_LEVELS if traced else 1
        found = trace(
            dict(policy_set.modules), dict(policy_set.data), content, policy.rule, levels=levels
        )
        show(PolicyTrace(found, every_value=traced), POLICY_TRACE)
    if not explain:
        _show(evaluate(policy_set, content, policy.rule if policy else str(query)))
    return 0


def _show(answer: Evaluation) -> None:
    for line in answer.printed:
        click.echo(visible(line), err=True)
    for value in answer.values:
        click.echo(json.dumps(value, indent=2, ensure_ascii=True))
    if not answer.values:
        click.echo("undefined")


def _input(policy_set: PolicySet, asked: str | None, flags: ComposeFlags) -> bytes:
    """Return the input for a review of the project; the policy `asked` is in force in any case."""
    text = stdin() if "-" in flags.files else None
    target = Target(" ".join(flags.files) or ".", current_folder(), flags, text)
    loaded = load_project(bundle(target, flags.profiles or EVERY_PROFILE, caller_environment()))
    review = question(Source(), "CHECK")
    applying = dict(
        Applicability(Governance(policy_set.constraints), review, loaded.project.name).by_policy
    )
    if asked is not None and asked not in applying:
        policy = policy_set.policies[asked]
        constraint = plain_constraint(policy.id, "deny", policy.module)
        parameters = defaults(policy.parameters)
        applying[asked] = [msgspec.structs.replace(constraint, parameters=parameters)]
    granted = HostResolver(policy_set.data).on_host(loaded, review.source.host)
    return review_input(granted, review, applying)
