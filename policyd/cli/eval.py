"""`policyd eval`: evaluate a query or a policy on a project, or explain a policy.

In: a Rego query or the ID of a policy, and the arguments of Compose. Out: JSON or an explanation on
standard output, what `print` writes on standard error.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from policyd.audit.event import DecisionEvent, event_of
from policyd.bootstrap import admission_for, configured_policy_set
from policyd.cli import DENIED
from policyd.cli.options import (
    EVERY_PROFILE,
    ComposeFlags,
    Target,
    bundle,
    caller_environment,
    close_at_end,
    compose_flags,
    compose_options,
    current_folder,
    json_object,
    local_settings,
    question,
    settings_options,
    stdin,
)
from policyd.cli.output import format_option, show
from policyd.config import Settings, default_audit
from policyd.errors import NotFound
from policyd.formats.available import POLICY_TRACE, REEVALUATION
from policyd.formats.rego_trace import PolicyTrace
from policyd.formats.table import visible
from policyd.host_resolver import HostResolver
from policyd.loading import Loaded, load_project
from policyd.model import Review, Source
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.manifests import plain_constraint
from policyd.policies.parameters import defaults
from policyd.policies.policy_set import PolicySet, load_draft
from policyd.policy_input import review_input
from policyd.recorded_input import RecordedProject, read_project
from policyd.reevaluation import evaluate_again, input_digest, recorded_project
from policyd.rego_evaluation import Evaluation, evaluate, model_input
from policyd.rego_trace import MAX_LEVELS, trace
from policyd.suggestion import did_you_mean

_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")
"""A policy ID. With a dash, it is a difference of two unknown variables in Rego."""

EPILOG: Final = """\b
Examples:
  policyd eval no-privileged
  policyd eval 'input.workloads[_].image' -f compose.yaml
  policyd eval --explain own-images --policy-set rules
  policyd eval own-images --trace --policy-set rules
  policyd config --format review > input.json
  policyd eval 'count(input.workloads)' --input input.json
  policyd eval --decision 2b0e7c1a-… --policy-set rules
\b
With --decision and without QUERY, the decision is made again. The exit code
is then 1 if the verdict or a violation would change.
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
@click.option(
    "--decision",
    metavar="ID",
    help="The recorded input of a decision, in place of a project.",
)
@format_option(REEVALUATION)
@settings_options("policy_set", "audit")
def command(
    query: str | None,
    explain: str | None,
    traced: bool,
    document: Path | None,
    decision: str | None,
    form: str,
    config: str | None,
    policy_set: str | None,
    audit: str | None,
    **options: Any,
) -> int:
    """Evaluate QUERY, a Rego query or the ID of a policy, on a project."""
    flags = compose_flags(options)
    _check_usage(document, decision, flags)
    read = local_settings(config=config, policy_set=policy_set, audit=audit)
    recorded = _recorded(read, decision) if decision else None
    if recorded and not query and not explain:
        found = evaluate_again(*recorded, admission_for(configured_policy_set(read), read))
        show(found, REEVALUATION, form)
        return DENIED if found.changes else 0
    if (query is None) == (explain is None):
        raise click.UsageError("name either a query, the ID of a policy, or --explain POLICY")
    rules = load_draft(Path(read.policy_set) if read.policy_set else None)
    asked = query if query in rules.policies and not explain else explain
    if (explain or traced) and asked not in rules.policies:
        near = did_you_mean(str(query or explain), rules.policies)
        option = "--explain" if explain else "--trace"
        raise NotFound(
            f"{option} needs the ID of a policy; unknown policy {query or explain}{near}"
        )
    if query and not asked and "-" in query and _NAME.fullmatch(query):
        raise NotFound(f"unknown policy {query}{did_you_mean(query, rules.policies)}")
    if document:
        content = msgspec.json.encode(json_object(str(document)))
    elif recorded:
        content = _document(rules, asked, recorded_project(*recorded), recorded[0].input.review)
    else:
        content = _input(rules, asked, flags)
    _evaluate(_with_paths(rules, read.policy_set), content, query, explain, traced)
    return 0


def _check_usage(document: Path | None, decision: str | None, flags: ComposeFlags) -> None:
    """Raise UsageError unless at most one input is named."""
    named = {"--input": document, "--decision": decision, "a project": flags != ComposeFlags()}
    given = [name for name, value in named.items() if value]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} cannot be used together")


def _with_paths(policy_set: PolicySet, path: str) -> PolicySet:
    """Return `policy_set`, whose modules are named by their files, as far as they are files."""
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    modules = {
        str(folder / name) if path and (folder / name).is_file() else name: text
        for name, text in policy_set.modules.items()
    }
    return msgspec.structs.replace(policy_set, modules=modules)


def _evaluate(
    policy_set: PolicySet, content: bytes, query: str | None, explain: str | None, traced: bool
) -> None:
    """Show the result of `query`, and the trace or explanation of a policy."""
    asked = explain or (query if query in policy_set.policies else None)
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
    return _document(policy_set, asked, loaded, question(Source(), "CHECK"))


def _document(policy_set: PolicySet, asked: str | None, loaded: Loaded, review: Review) -> bytes:
    """Return the input for `review` of `loaded`; the policy `asked` is in force in any case."""
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


def _recorded(read: Settings, decision_id: str) -> tuple[DecisionEvent, RecordedProject]:
    """Return the event and the recorded input of a decision. Raises NotFound, AuditError."""
    from policyd.audit.inputs import content_of
    from policyd.audit.store import open_store

    store = open_store(read.audit or default_audit(os.environ), create=False)
    close_at_end(store)
    event = event_of(store.decision(decision_id))
    digest = input_digest(event)
    return event, read_project(content_of(store.database, digest), digest)
