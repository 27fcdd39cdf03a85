"""`policyd schema`: print JSON Schemas of the input of policies and of policy set documents.

In: the name of a schema, a policy set. Out: JSON on standard output.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from policyd.cli.options import settings, settings_options
from policyd.cli.output import show
from policyd.formats.available import SCHEMA
from policyd.json_schemas import SCHEMAS
from policyd.policies.policy_set import policies_of

EPILOG: Final = """\b
Examples:
  policyd schema policyset --policy-set rules > rules/policyset.schema.json
  policyd schema input > input.schema.json
\b
input       the input of policies; `policyd config --format review` prints one
policyset   all documents in the file of a policy set
constraint  a Constraint, with the parameters of each policy
exception   an Exception
data        a data file: inventory, entitlements
\b
Editors with the YAML language server use the schema in the first line of a
file:
  # yaml-language-server: $schema=policyset.schema.json
"""


@click.command("schema", epilog=EPILOG)
@click.argument("name", type=click.Choice(list(SCHEMAS)))
@settings_options("policy_set")
def command(name: str, **options: Any) -> int:
    """Print a JSON Schema (draft 2020-12).

    The schema contains the policies of the policy set and their parameters.
    """
    path = settings(**options).policy_set
    show(SCHEMAS[name](policies_of(Path(path) if path else None)), SCHEMA, "json")
    return 0
