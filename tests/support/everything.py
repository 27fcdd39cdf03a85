"""A policy set with every policy of every built-in pack, each in force with its defaults.

Its data are ours and those that samples are judged with.
"""

from __future__ import annotations

import json
from pathlib import Path

from policyd.policies.packs import built_in
from policyd.policies.policy_set import PolicySet, load_policy_set

_HEADING = """apiVersion: policyd/v1
kind: PolicySet
metadata: {{name: everything}}
spec: {{packs: {packs}, data: {data}}}
"""
_CONSTRAINT = """---
apiVersion: policyd/v1
kind: Constraint
metadata: {{name: {0}}}
spec: {{policy: {0}, enforcementAction: deny}}
"""


def write(folder: Path) -> Path:
    """Write the policy set into `folder` and return its file."""
    file = folder / "policyset.yaml"
    packs = sorted({path.parents[1].name for path in built_in().glob("*/*/policy.rego")})
    data = sorted(map(str, built_in().rglob("samples/data.yaml")))
    heading = _HEADING.format(packs=json.dumps(packs), data=json.dumps(data))
    file.write_text(heading)
    ids = load_policy_set(file).policies
    file.write_text(heading + "".join(map(_CONSTRAINT.format, ids)))
    return file


def policy_set(folder: Path) -> PolicySet:
    """Return the policy set, written into `folder`."""
    return load_policy_set(write(folder))
