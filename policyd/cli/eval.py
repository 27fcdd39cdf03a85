"""`policyd eval`: evaluate a query or a policy on a project, or explain a policy.

In: a Rego query or the ID of a policy, and the arguments of Compose. Out: JSON or an explanation on
standard output, what `print` writes on standard error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
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
    question,
    settings,
    settings_options,
    stdin,
)
from policyd.errors import NotFound
from policyd.formats.table import visible
from policyd.loading import load_project
from policyd.model import Source
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.manifests import plain_constraint
from policyd.policies.parameters import defaults
from policyd.policies.policy_set import PolicySet, load_draft
from policyd.policy_input import review_input
from policyd.rego_evaluation import Explained, evaluate, explanations, model_input
from policyd.resolution import HostResolver
from policyd.suggestion import did_you_mean

EPILOG: Final = """\b
Examples:
  policyd eval no-privileged
  policyd eval 'input.workloads[_].image' -f compose.yaml
  policyd eval --explain own-images --policy-set rules
  policyd config --format review > input.json
  policyd eval 'count(input.workloads)' --input input.json
\b
A policy without a constraint is evaluated with its default parameters.
Policies may call print here.
"""
_WIDTH: Final = 200


@click.command("eval", epilog=EPILOG, short_help="Evaluate a query or a policy on a project.")
@click.argument("query", required=False)
@compose_options
@click.option("--explain", metavar="POLICY", help="Show which expressions of POLICY hold.")
@click.option(
    "--input",
    "document",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The input of policies as JSON, in place of a project.",
)
@settings_options("policy_set")
def command(query: str | None, explain: str | None, document: Path | None, **options: Any) -> int:
    """Evaluate QUERY, a Rego query or the ID of a policy, on a project."""
    if (query is None) == (explain is None):
        raise click.UsageError("name either a query, the ID of a policy, or --explain POLICY")
    flags = compose_flags(options)
    path = settings(**options).policy_set
    policy_set = load_draft(Path(path) if path else None)
    asked = query if query in policy_set.policies else explain
    if explain is not None and explain not in policy_set.policies:
        near = did_you_mean(explain, policy_set.policies)
        raise NotFound(f"unknown policy {explain}{near}")
    content = document.read_bytes() if document else _input(policy_set, asked, flags)
    if asked is not None and policy_set.policies[asked].plain_action:
        content = model_input(content)
    if explain is not None:
        for found in explanations(policy_set, content, policy_set.policies[explain]):
            click.echo("\n".join(_explained(found)))
        return 0
    answer = evaluate(policy_set, content, policy_set.policies[asked].rule if asked else str(query))
    for line in answer.printed:
        click.echo(visible(line), err=True)
    for value in answer.values:
        click.echo(json.dumps(value, indent=2, ensure_ascii=True))
    if not answer.values:
        click.echo("undefined")
    return 0


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


def _explained(found: Explained) -> Iterator[str]:
    """Yield the lines about one definition of a rule."""
    verdict = "holds" if all(step.holds for step in found.steps) else "does not hold"
    yield f"{visible(str(found.location))}: {verdict}"
    for step in found.steps:
        mark = "ok  " if step.holds else "FAIL"
        yield f"  {mark} {step.line:4}: {visible(' '.join(step.text.split()))}"
        for row in step.values:
            shown = ", ".join(f"{' '.join(name.split())} = {_short(row[name])}" for name in row)
            yield f"             {visible(shown) or '(undefined)'}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"
