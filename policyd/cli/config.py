"""`policyd config`: print the effective model, or the input of policies.

In: the arguments of Compose. Out: JSON on standard output, warnings on standard error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from policyd.cli import complain
from policyd.cli.options import (
    EVERY_PROFILE,
    bundle,
    caller_environment,
    compose_flags,
    compose_options,
    current_folder,
    local_settings,
    question,
    settings_options,
)
from policyd.cli.output import format_option, show
from policyd.cli.targets import find_target
from policyd.compose import load
from policyd.config import Settings
from policyd.formats.available import EFFECTIVE_MODEL, POLICY_INPUT
from policyd.host_resolver import HostResolver
from policyd.loading import Loaded, load_project
from policyd.model import Source
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.policy_set import load_policy_set
from policyd.policy_input import review_input

EPILOG: Final = """\b
Examples:
  policyd config
  policyd config apps/train
  policyd config -f compose.yaml -f compose.prod.yaml --profile gpu
  policyd config --format review | conftest test --policy rules -
\b
Without --profile, json has the services that Compose would start here;
review has all of them, as `policyd check` evaluates them.
"""


@click.command("config", epilog=EPILOG)
@click.argument("path", metavar="[PATH]", required=False)
@compose_options
@settings_options("policy_set")
@format_option(
    [*EFFECTIVE_MODEL, *POLICY_INPUT],
    "json",
    "The model as `docker compose config --format json` has it, or the input of policies.",
)
def command(path: str | None, form: str, **options: Any) -> int:
    """Print what Docker would really run.

    Files, variables, includes, overrides, profiles and defaults of the project in PATH (default:
    this folder) are resolved as Compose does it.
    """
    flags = compose_flags(options)
    environment = caller_environment()
    target = find_target(path, flags, current_folder(), environment)
    otherwise = EVERY_PROFILE if form in POLICY_INPUT else None
    files = bundle(target, flags.profiles or otherwise, environment)
    loaded = load_project(files) if form in POLICY_INPUT else None
    project = loaded.project if loaded else load(files)
    for warning in project.warnings:
        complain(warning, "warning")
    for place, variable in dict.fromkeys((u.location, u.variable) for u in project.unresolved):
        complain(f"{place}: the variable {variable} has no value; it is blank here", "warning")
    if loaded:
        show(_review_input(loaded, local_settings(**options)), POLICY_INPUT, form)
    else:
        show(project, EFFECTIVE_MODEL, form)
    return 0


def _review_input(loaded: Loaded, settings: Settings) -> bytes:
    """Return the input of policies when `policyd check` reviews the project `loaded`."""
    review = question(Source(), "CHECK")
    policy_set = load_policy_set(Path(settings.policy_set) if settings.policy_set else None)
    applicability = Applicability(Governance(policy_set.constraints), review, loaded.project.name)
    granted = HostResolver(policy_set.data).on_host(loaded, review.source.host)
    return review_input(granted, review, applicability.by_policy)
