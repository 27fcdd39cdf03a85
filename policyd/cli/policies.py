"""`policyd policies`: list the policies of a policy set, show one, or lint the policy set.

In: a policy set, optionally an ID. Out: a table, a page, Markdown or JSON on standard output;
`lint` exits 1 when it reports a problem.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from policyd import wire
from policyd.cli import DENIED
from policyd.cli.options import settings, settings_options
from policyd.errors import NotFound
from policyd.formats.json import document
from policyd.formats.table import table, visible
from policyd.policies import catalogue
from policyd.policies.manifests import Constraint
from policyd.policies.packs import Policy
from policyd.policies.policy_set import PolicySet, lint_policy_set, load_policy_set
from policyd.suggestion import did_you_mean

HEADER: Final = ("POLICY", "SEVERITY", "ACTION", "PACK", "REPORTS")
OFF: Final = "off"
"""The action of a policy without a constraint."""
WIDTH: Final = 88
"""Width of a paragraph in columns."""

SHOW: Final = "show"
"""The default command: `policyd policies no-all-gpus` shows the policy."""

EPILOG: Final = """\b
Examples:
  policyd policies
  policyd policies no-all-gpus
  policyd policies --policy-set policyset.yaml --format json
  policyd policies lint rules
"""
SHOW_EPILOG: Final = """\b
ACTION is the enforcement action of the constraints on the policy: deny, warn
or dryrun. It is off for a policy without a constraint.
"""
LINT_EPILOG: Final = """\b
Examples:
  policyd policies lint
  policyd policies lint rules/policyset.yaml
  policyd policies lint rules/images
\b
Exit codes: 0 no problems, 1 problems, 2 PATH does not exist.
"""


class PoliciesGroup(click.Group):
    """A group that passes arguments to `show` unless they name another command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = [SHOW, *args]
        return super().parse_args(ctx, args)


@click.group(
    "policies",
    cls=PoliciesGroup,
    epilog=EPILOG,
    short_help="List policies, show one, lint a policy set.",
)
def command() -> None:
    """List the policies of a policy set, show one in full, or lint a policy set.

    `policyd policies [ID]` is short for `policyd policies show [ID]`.
    """


@command.command(SHOW, epilog=SHOW_EPILOG)
@click.argument("policy_id", metavar="[ID]", required=False)
@settings_options("policy_set")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
)
def show(policy_id: str | None, form: str, **options: Any) -> int:
    """List the policies of the policy set, or show the policy ID in full."""
    path = settings(**options).policy_set
    policy_set = load_policy_set(Path(path) if path else None)
    if policy_id is None:
        forms = {"json": _as_json, "text": _catalogue, "markdown": _as_markdown}
        click.echo(forms[form](policy_set), nl=False)
        return 0
    policy = _find(policy_set, policy_id)
    if form == "json":
        click.echo(document(wire.policy_document(policy, policy_set, locations=True)), nl=False)
    elif form == "markdown":
        click.echo(catalogue.section(policy), nl=False)
    else:
        click.echo("\n".join(_page(policy, policy_set)))
    return 0


@command.command("lint", epilog=LINT_EPILOG)
@click.argument(
    "path", metavar="[PATH]", required=False, type=click.Path(exists=True, path_type=Path)
)
@settings_options("policy_set")
def lint(path: Path | None, **options: Any) -> int:
    """Report all problems of a policy set and its Rego.

    PATH is a policy set (a file or a folder) or the folder of one pack. The default is the policy
    set that is in force. The command checks METADATA, parameters, constraints and exceptions,
    compiles the Rego, and reports constructs that the engines evaluate differently.
    """
    named = settings(**options).policy_set
    problems = lint_policy_set(path or (Path(named) if named else None))
    for problem in problems:
        click.echo(visible(str(problem)))
    count = len(problems)
    click.echo("no problems" if not count else f"{count} problem{'s' if count > 1 else ''}")
    return DENIED if problems else 0


def _find(policy_set: PolicySet, policy_id: str) -> Policy:
    if policy_id in policy_set.policies:
        return policy_set.policies[policy_id]
    hint = did_you_mean(policy_id, policy_set.policies) or "; `policyd policies` lists all of them"
    raise NotFound(f"unknown policy {policy_id} in the policy set {policy_set.name}{hint}")


def _constraints(policy: Policy, policy_set: PolicySet) -> list[Constraint]:
    return [found for found in policy_set.constraints if found.policy == policy.id]


def _action(policy: Policy, policy_set: PolicySet) -> str:
    actions = {
        action
        for constraint in _constraints(policy, policy_set)
        for action in constraint.actions.values()
    }
    return ",".join(sorted(actions)) or OFF


def _catalogue(policy_set: PolicySet) -> str:
    rows = [
        (policy.id, policy.severity, _action(policy, policy_set), policy.pack, policy.title)
        for policy in policy_set.policies.values()
    ]
    head = f"Policy set {visible(policy_set.name)}, {policy_set.revision}\n\n"
    return head + "\n".join(table(HEADER, rows)) + "\n"


def _as_json(policy_set: PolicySet) -> str:
    return document(wire.policy_list(policy_set, locations=True))


def _as_markdown(policy_set: PolicySet) -> str:
    return catalogue.markdown(policy_set.policies.values())


def _page(policy: Policy, policy_set: PolicySet) -> Iterator[str]:
    yield f"{policy.id}: {visible(policy.title)}"
    yield ""
    yield from _paragraph(policy.description)
    yield ""
    yield f"severity:    {policy.severity}"
    yield f"action:      {_action(policy, policy_set)}"
    for constraint in _constraints(policy, policy_set):
        yield f"constraint:  {visible(constraint.name)} ({visible(str(constraint.location))})"
    yield f"pack:        {visible(policy.pack)}"
    yield f"source:      {visible(policy.module)}"
    if policy.environment:
        yield from _paragraph(f"reads:       {', '.join(policy.environment)}", " " * 13)
    yield ""
    yield from _paragraph(f"fix:         {policy.remediation}", " " * 13)
    if policy.parameters:
        yield ""
        yield "parameters:"
        for name, schema in policy.parameters.items():
            default = msgspec.json.encode(schema.default).decode()
            yield f"  {visible(name)} ({schema.type}, default {visible(default)})"
            yield from _paragraph(f"    {schema.description}", "    ")
    if policy.references:
        yield ""
        yield "references:"
        yield from (f"  {visible(reference)}" for reference in policy.references)


def _paragraph(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(visible(" ".join(text.split()) if not indent else text), WIDTH,
                         subsequent_indent=indent)  # fmt: skip
