"""`policyd policies`: list the policies of a policy set, show one, or lint the policy set.

In: a policy set, optionally an ID. Out: a table, a page, Markdown or JSON on standard output;
`lint` exits 1 when it reports a problem.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
import msgspec

from policyd.cli import DENIED
from policyd.cli.default_group import DefaultGroup
from policyd.cli.options import local_settings, settings_options
from policyd.cli.output import format_option, show
from policyd.errors import NotFound, PolicySetWarning
from policyd.formats.available import LINT_PROBLEMS, POLICY, POLICY_SET
from policyd.formats.policies import PolicyInSet
from policyd.formats.table import visible
from policyd.opa_comparison import strict_problems
from policyd.policies.packs import Policy
from policyd.policies.policy_set import PolicySet, load_policy_set
from policyd.policies.scaffold import write_policy
from policyd.policy_set_trial import lint_in_process
from policyd.suggestion import did_you_mean

SHOW: Final = "show"
"""The default command: `policyd policies no-all-gpus` shows the policy."""

EPILOG: Final = """\b
Examples:
  policyd policies
  policyd policies no-all-gpus
  policyd policies --policy-set policyset.yaml --format json
  policyd policies lint rules
  policyd policies new own-images
"""
SHOW_EPILOG: Final = """\b
ACTION is the enforcement action of the constraints on the policy: deny, warn
or dryrun. It is off for a policy without a constraint.
"""
LIST_EPILOG: Final = """\b
Examples:
  policyd policies list
  policyd policies list --level restricted
"""
LINT_EPILOG: Final = """\b
Examples:
  policyd policies lint
  policyd policies lint rules/policyset.yaml
  policyd policies lint rules/images
  policyd policies lint --opa rules
\b
Exit codes: 0 no problems, 1 problems, 2 PATH does not exist.
"""
NEW_EPILOG: Final = """\b
Examples:
  policyd policies new own-images
  policyd policies new own-images rules --pack images
"""


class PoliciesGroup(DefaultGroup):
    """`policyd policies`, with the default command `show`."""

    default = SHOW


@click.group(
    "policies",
    cls=PoliciesGroup,
    epilog=EPILOG,
    short_help="List policies, show one, lint a policy set, begin a policy.",
)
def command() -> None:
    """List the policies of a policy set, show one in full, or lint a policy set.

    `policyd policies [ID]` is short for `policyd policies show [ID]`.
    """


@command.command(SHOW, epilog=SHOW_EPILOG)
@click.argument("policy_id", metavar="[ID]", required=False)
@settings_options("policy_set")
@format_option(POLICY)
def show_policies(policy_id: str | None, form: str, **options: Any) -> int:
    """List the policies of the policy set, or show the policy ID in full."""
    path = local_settings(**options).policy_set
    policy_set = load_policy_set(Path(path) if path else None)
    if policy_id is None:
        show(policy_set, POLICY_SET, form)
    else:
        show(PolicyInSet(_find(policy_set, policy_id), policy_set), POLICY, form)
    return 0


@command.command("list", epilog=LIST_EPILOG)
@settings_options("policy_set")
@format_option(POLICY_SET)
def list_policies(form: str, **options: Any) -> int:
    """List the policies that are in force: those of the policy set that a constraint names."""
    path = local_settings(**options).policy_set
    policy_set = load_policy_set(Path(path) if path else None)
    named = {constraint.policy for constraint in policy_set.constraints}
    in_force = {name: policy for name, policy in policy_set.policies.items() if name in named}
    show(msgspec.structs.replace(policy_set, policies=in_force), POLICY_SET, form)
    return 0


@command.command("lint", epilog=LINT_EPILOG)
@click.argument(
    "path", metavar="[PATH]", required=False, type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "--opa", "asks_opa", is_flag=True, help="Compile with the program `opa` too, strictly."
)
@settings_options("policy_set")
def lint(path: Path | None, asks_opa: bool, **options: Any) -> int:
    """Report all problems of a policy set and its Rego.

    PATH is a policy set (a file or a folder) or the folder of one pack. The default is the policy
    set that is in force. The command checks METADATA, parameters, constraints and exceptions,
    compiles the Rego, and reports constructs that the engines evaluate differently. Warnings do not
    change the exit code.
    """
    if path and path.suffix == ".rego":
        raise click.UsageError(f"{path} is a Rego file; name the folder of its pack")
    named = local_settings(**options).policy_set
    place = path or (Path(named) if named else None)
    problems = lint_in_process(place)
    if asks_opa:
        problems += strict_problems(place)
    show(problems, LINT_PROBLEMS)
    return 0 if all(isinstance(problem, PolicySetWarning) for problem in problems) else DENIED


@command.command("new", epilog=NEW_EPILOG)
@click.argument("policy_id", metavar="ID")
@click.argument("folder", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--pack", metavar="NAME", default="team", show_default=True, help="Folder of the pack."
)
def new(policy_id: str, folder: Path | None, pack: str) -> int:
    """Write a new policy: Rego, test, samples and constraint.

    FOLDER is the folder of the policy set, by default `rules`; a missing policy set is created. The
    new policy is an example that runs: change its rule, its test and its samples. Its constraint
    only warns.
    """
    place = folder or Path("rules")
    for file in write_policy(policy_id, place, pack):
        click.echo(visible(str(file)))
    click.echo(f"\nRun `policyd test {place}` and `policyd policies lint {place}`.")
    trace = f"policyd eval {policy_id} --trace --policy-set {place}"
    click.echo(f"To see how it evaluates a project, run `{trace}` there.")
    return 0


def _find(policy_set: PolicySet, policy_id: str) -> Policy:
    if policy_id in policy_set.policies:
        return policy_set.policies[policy_id]
    hint = did_you_mean(policy_id, policy_set.policies) or "; `policyd policies` lists all of them"
    raise NotFound(f"unknown policy {policy_id} in the policy set {policy_set.name}{hint}")
