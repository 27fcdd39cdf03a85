"""`policyd config`: print the effective model, or the document that policies judge."""

from __future__ import annotations

from typing import Any, Final

import click

from policyd.cli.options import (
    compose_options,
    settings_options,
)

EPILOG: Final = """\b
Examples:
  policyd config
  policyd config -f compose.yaml -f compose.prod.yaml --profile gpu
  policyd config --format review | conftest test --policy rules -
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
    help="The model as `docker compose config --format json` prints it, or the input of policies.",
)
def command(form: str, **options: Any) -> int:
    """Print what Docker would really run.

    Files, variables, includes, overrides, profiles and defaults are resolved as Compose does it.
    """
