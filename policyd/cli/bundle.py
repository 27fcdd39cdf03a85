"""`policyd bundle build`: write a policy set as an OPA bundle.

In: a policy set. Out: a tar.gz file, and its revision on standard output.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from policyd import opa_bundle
from policyd.cli.options import settings, settings_options
from policyd.errors import ConfigError
from policyd.formats.table import visible
from policyd.policies.policy_set import load_policy_set

EPILOG: Final = """\b
Examples:
  policyd bundle build
  policyd bundle build --policy-set rules -o gpu-hosts.tar.gz
  opa run --server --bundle gpu-hosts.tar.gz
\b
`policyd serve` offers the same OPA bundle at /bundles/<name>.tar.gz, so that
OPA servers can poll it. OPA evaluates policies; policyd applies constraints
and exceptions, and enforces the decision.
"""


@click.group("bundle")
def command() -> None:
    """Build OPA bundles for OPA servers."""


@command.command("build", epilog=EPILOG)
@settings_options("policy_set")
@click.option(
    "-o",
    "--output",
    default="bundle.tar.gz",
    show_default=True,
    metavar="FILE",
    help="Output file; '-' is standard output.",
)
def build(output: str, **options: Any) -> int:
    """Write the policy set as an OPA bundle.

    The same policy set always results in the same bytes.
    """
    path = settings(**options).policy_set
    policy_set = load_policy_set(Path(path) if path else None)
    content = opa_bundle.build(policy_set)
    if output == "-":
        click.echo(content, nl=False)
        return 0
    try:
        Path(output).write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{output}: cannot write the file: {error.strerror}") from error
    click.echo(visible(f"{output}: policy set {policy_set.name}, {policy_set.revision}"))
    return 0
