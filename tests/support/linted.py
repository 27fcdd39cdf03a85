"""Lint a policy, alone or in a policy set on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from policyd.errors import PolicySetError
from policyd.policies.lint import problems
from policyd.policies.packs import built_in, rego_files
from policyd.policies.parameters import Schema
from policyd.policies.policy_set import lint_policy_set
from policyd.policies.syntax_tree import parse

PARAMETERS = {
    "own": {
        "limit": Schema("integer", default=1),
        "names": Schema("array", items=Schema("string")),
        "mode": Schema("string", enum=("strict", "lenient")),
    },
    "other": {},
}
"""The policies that the lint knows, with the schemas of their parameters."""

HEADING = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: team}
spec: {packs: [rules]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: own}
spec: {policy: own, enforcementAction: deny}
"""
METADATA = """# METADATA
# title: Own
# description: A policy of an author.
# custom:
#   id: own
#   severity: low
#   remediation: "Do it."
#   parameters:
#     limit: {type: integer, default: 4}
package policyd.policies.own

"""


def lint(rules: str, package: str = "policyd.policies.own") -> list[PolicySetError]:
    """Return the problems of `rules` in a module of `package`, beside the built-in libraries."""
    own = parse("p.rego", f"package {package}\n\n{rules}\n")
    modules = {"p.rego": own}
    for file in rego_files(built_in() / "lib"):
        if not file.name.endswith("_test.rego"):
            modules[file.name] = parse(file.name, file.read_text())
    return list(problems(modules, {"p.rego": own}, {"policyd": {}}, PARAMETERS))


def lint_files(folder: Path, files: Mapping[str, str]) -> list[PolicySetError]:
    """Return what the lint reports of a policy set in `folder` whose pack `rules` has `files`."""
    for name, text in {"policyset.yaml": HEADING, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return lint_policy_set(folder)
