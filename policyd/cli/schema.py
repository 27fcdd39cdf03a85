"""`policyd schema`: print JSON Schemas of the documents that policyd reads and sends.

In: the name of a schema, a policy set. Out: JSON on standard output.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from policyd.cli.options import settings, settings_options
from policyd.cli.output import show
from policyd.document_schemas import DOCUMENTS, document_schema
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
decision    the decision on a review, as GET and POST /v1/… send it
grant       a grant of an accelerator
record      an event of the audit log
\b
Editors with the YAML language server use the schema in the first line of a
file:
  # yaml-language-server: $schema=policyset.schema.json
"""


@click.command("schema", epilog=EPILOG)
@click.argument("name", metavar="DOCUMENT", type=click.Choice([*SCHEMAS, *DOCUMENTS]))
@settings_options("policy_set")
def command(name: str, **options: Any) -> int:
    """Print the JSON Schema (draft 2020-12) of a DOCUMENT.

    The schemas of input, policyset and constraint contain the policies of the
    policy set and their parameters.
    """
    if name in DOCUMENTS:
        show(document_schema(name), SCHEMA, "json")
        return 0
    path = settings(**options).policy_set
    show(SCHEMAS[name](policies_of(Path(path) if path else None)), SCHEMA, "json")
    return 0
