"""The input document of policies."""

from __future__ import annotations

from pathlib import Path

import msgspec

from policyd.bundle import memory_bundle
from policyd.grants.resolution import GrantResolver
from policyd.loading import load_project
from policyd.model import Review, Source, UserInfo
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.policy_set import load_policy_set
from policyd.policy_input import review_input

RULES = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: test}
spec: {packs: [gpu, container]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: a}
spec: {policy: no-privileged, enforcementAction: deny}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: b}
spec: {policy: no-privileged, enforcementAction: warn, match: {environments: [dev]}}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: c}
spec: {policy: no-all-gpus, enforcementAction: warn}
"""


def test_input_of_policies_has_the_matching_constraints_and_the_whole_project(
    tmp_path: Path,
) -> None:
    (tmp_path / "policyset.yaml").write_text(RULES)
    rules = load_policy_set(tmp_path)
    review = msgspec.structs.replace(
        Review(uid="r-1", enforcement_point="ci", now=1_800_000_000_000_000_000),
        user_info=UserInfo("ada", ("ml",)),
        source=Source(repository="ml/train", environment="prod"),
    )
    text = "name: demo\nservices:\n  web:\n    image: nginx\n    runtime: ${RUNTIME}\n"
    text += "    privileged: true\n"
    files = {"compose.yaml": text.encode(), ".env": b"COMPOSE_PROFILES=b, a"}
    loaded = load_project(memory_bundle(files))
    constraints = Applicability(Governance(rules.constraints), review, "demo").by_policy

    granted = GrantResolver(rules.data).with_grants(loaded)

    document = msgspec.json.decode(review_input(granted, review, constraints))

    assert document["review"] == {
        "uid": "r-1",
        "enforcementPoint": "ci",
        "now": 1_800_000_000_000_000_000,
        "operation": "CHECK",
        "dryRun": False,
        "userInfo": {"username": "ada", "groups": ["ml"]},
        "source": {
            "repository": "ml/train",
            "ref": "",
            "commit": "",
            "environment": "prod",
            "host": "",
        },
    }
    assert document["constraints"] == {
        "no-privileged": [{"name": "a", "parameters": {}}],
        "no-all-gpus": [{"name": "c", "parameters": {}}],
    }
    assert document["workloads"][0]["name"] == "web"
    assert document["workloads"][0]["path"] == ["services", "web"]
    assert document["project"]["services"]["web"]["image"] == "nginx"
    assert document["unresolved"] == [
        {"variable": "RUNTIME", "path": ["services", "web", "runtime"]}
    ]
    assert document["notEvaluated"] == []
    assert document["requestedProfiles"] == ["a", "b"]
    assert document["workloads"][0]["grants"] == [
        {
            "method": "privileged",
            "vendor": "unknown",
            "devices": "all",
            "path": ["services", "web", "privileged"],
            "text": "privileged: true",
            "identities": [],
            "certainty": "certain",
            "form": "",
            "family": "",
        }
    ]
