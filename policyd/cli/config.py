"""`policyd config`: print the effective model, or the document that policies judge.

In: what a caller of Compose would type. Out: JSON on standard output, warnings on standard error.
"""

from __future__ import annotations

import json
from typing import Any, Final

import click

from policyd.cli import complain
from policyd.cli.options import (
    Target,
    bundle,
    caller_environment,
    compose_flags,
    compose_options,
    current_folder,
    settings,
    settings_options,
    stdin,
)
from policyd.compose import load
from policyd.formats.json import escaped

EPILOG: Final = """\b
Examples:
  policyd config
  policyd config -f compose.yaml -f compose.prod.yaml --profile gpu
  policyd config --format review | conftest test --policy rules -
\b
Without --profile, json has the services that Compose would start here; review has all of them, as
`policyd check` judges them.
"""


@click.command("config", epilog=EPILOG)
@compose_options
@settings_options("policy_set")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "review"]),
    default="json",
    show_default=True,
    help="The model as `docker compose config --format json` has it, or the input of policies.",
)
def command(form: str, **options: Any) -> int:
    """Print what Docker would really run.

    Files, variables, includes, overrides, profiles and defaults are resolved as Compose does it.
    """
    flags = compose_flags(options)
    text = stdin() if "-" in flags.files else None
    target = Target(" ".join(flags.files) or ".", current_folder(), flags, text)
    project = load(bundle(target, flags.profiles or None, caller_environment()))
    for warning in project.warnings:
        complain(warning, "warning")
    click.echo(escaped(json.dumps(project.config(), indent=2, ensure_ascii=False)))
    return 0
