"""The labelled projects: grants, violations and fixes, by the catalogue of GPU policies.

`cases/*.txtar`: `case.json` (note, class, tags, how Compose is called, `expect`) and `project/…`.
Of the classes, `benign` has no grant and no violation, and Compose refuses `invalid`. `hosts` and
`entitlements` are data of the policy set, `host` is the host of the review, `extra` names policies
of governance that are in force for the case, with their parameters.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from policyd.model import Decision, Grant, Review, Source
from policyd.policies.policy_set import PolicySet
from tests.conformance import txtar
from tests.conformance.case import Case

CASES = Path(__file__).parent / "cases"
REVIEW = Review(uid="1", enforcement_point="ci", now=1_795_446_000_000_000_000)

_HEADING = """\
apiVersion: policyd/v1
kind: PolicySet
metadata: {name: corpus}
spec: {packs: [gpu, container, governance]}
"""
_CONSTRAINT = """\
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: %s}
spec: {policy: %s, enforcementAction: deny, parameters: %s}
"""


@dataclass(frozen=True)
class Labelled:
    """A project with its labels: sorted ids of the policies that it violates, and its grants.

    `default_violations` are those of the default policy set, None if the label does not say.
    """

    case: Case
    kind: str
    violations: tuple[str, ...]
    default_violations: tuple[str, ...] | None
    grants: tuple[dict[str, Any], ...]
    fixes: tuple[dict[str, Any], ...]

    @property
    def host(self) -> str:
        """The name of the host, "" if the case does not name one."""
        return str(self.case.options.get("host", ""))

    @property
    def review(self) -> Review:
        """The review of the project."""
        return msgspec.structs.replace(REVIEW, source=Source(host=self.host))

    @property
    def extra(self) -> dict[str, dict[str, Any]]:
        """The parameters of policies that are in force for this case, by policy."""
        return dict(self.case.options.get("extra", {}))

    def on_its_host(self, policy_set: PolicySet) -> PolicySet:
        """Return `policy_set` with the hosts and the entitlements of the case as data."""
        data = copy.deepcopy(policy_set.data)
        data["policyd"]["inventory"]["hosts"] = self.case.options.get("hosts", {})
        data["policyd"]["entitlements"] = self.case.options.get("entitlements", {})
        return msgspec.structs.replace(policy_set, data=data)


@cache
def read() -> list[Labelled]:
    """Return all labelled projects, by name."""
    return [_read(path) for path in sorted(CASES.glob("*.txtar"))]


def write_policy_set(file: Path, constraints: dict[str, dict[str, Any]]) -> None:
    """Write a policy set with a constraint for each policy, with its parameters."""
    text = [_CONSTRAINT % (name, name, json.dumps(given)) for name, given in constraints.items()]
    file.write_text(_HEADING + "".join(text))


def violations(decision: Decision) -> tuple[str, ...]:
    """Return the sorted ids of the policies that `decision` reports."""
    return tuple(sorted({violation.policy for violation in decision.violations}))


def unmatched_grants(labelled: Labelled, decision: Decision) -> list[Any]:
    """Return the grants that only the label or only `decision` has.

    A label that does not state the certainty leaves it open.
    """
    found = [_described(grant) for grant in decision.grants]
    missing = []
    for label in labelled.grants:
        wanted = {"kind": "service", **label}
        match = next((grant for grant in found if _matches(grant, wanted)), None)
        if match is None:
            missing.append(label)
        else:
            found.remove(match)
    return [*missing, *found]


def _matches(grant: dict[str, Any], wanted: dict[str, Any]) -> bool:
    open_keys = grant.keys() - wanted.keys()
    return open_keys <= {"certainty"} and all(grant.get(key) == wanted[key] for key in wanted)


def _described(grant: Grant) -> dict[str, Any]:
    described = {
        "service": grant.service,
        "vendor": grant.vendor,
        "method": grant.method,
        "devices": list(grant.devices) if isinstance(grant.devices, tuple) else grant.devices,
        "kind": grant.kind,
        "certainty": grant.certainty,
    }
    return described if grant.hook is None else described | {"hook": grant.hook}


def _read(path: Path) -> Labelled:
    parts = txtar.parse(path.read_bytes())
    options = json.loads(parts["case.json"])
    files = {
        name.removeprefix("project/"): content
        for name, content in parts.items()
        if name.startswith("project/")
    }
    expect = options["expect"]
    default = expect.get("default_violations")
    return Labelled(
        case=Case(name=path.stem, files=files, options=options),
        kind=options["class"],
        violations=tuple(sorted(expect.get("violations", ()))),
        default_violations=None if default is None else tuple(sorted(default)),
        grants=tuple(expect.get("grants", ())),
        fixes=tuple(expect.get("fixes", ())),
    )
