from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from policyd.admission import Admission
from policyd.model import Location
from policyd.policies.manifests import Constraint
from policyd.policies.matching import Selector
from policyd.services import FixedRules, Services
from policyd.web.app import create_app
from policyd.web.registry_notifications import PUSH_REVIEWS


@pytest.fixture
def constraints_of(services: Services, token: Any) -> Iterator[Callable[..., Any]]:
    """A function that returns the constraints on no-privileged that a token so limited reads."""
    first = services.rules.admissions()[0]
    names = {"repositories": ("bank/*", "ml/train"), "users": ("eve",)}
    found = [
        constraint("all", Selector(), {}, {"team": "all"}),
        constraint("both", Selector(**names), {"allowed": ["/srv/bank"]}, {"team": "bank"}),
        constraint("others", Selector(repositories=("bank/*",)), {}, {}),
    ]
    policy_set = msgspec.structs.replace(first.policy_set, constraints=tuple(found))
    rules = FixedRules(Admission(first.engine, policy_set))
    apps = []

    def read(**fields: Any) -> Any:
        tokens = {"reader": token("reader", **fields)}
        settings = msgspec.structs.replace(services.settings, tokens=tokens)
        apps.append(create_app(Services(settings, rules, services.store)))
        client = apps[-1].test_client()
        headers = {"Authorization": "Bearer reader"}
        own = client.get("/v1/policies/no-privileged", headers=headers).json["constraints"]
        listed = client.get("/v1/policies", headers=headers).json["items"]
        items = [one["constraints"] for one in listed if one["id"] == "no-privileged"]
        assert items == [own]
        return own

    yield read
    for app in apps:
        app.extensions[PUSH_REVIEWS].close()


def constraint(name: str, match: Selector, parameters: Any, labels: Any) -> Constraint:
    actions: Any = {"default": "deny"}
    place = Location("/srv/set.yaml")
    return Constraint(
        name, "no-privileged", actions, match, Selector(), parameters, place, labels, "7d"
    )


def test_a_token_reads_of_constraints_what_concerns_its_places(constraints_of) -> None:
    empty: dict[str, Any] = {field: [] for field in msgspec.to_builtins(Selector())}
    both = {
        "name": "both",
        "policy": "no-privileged",
        "actions": {"default": "deny"},
        "match": {**empty, "repositories": ["ml/train"]},
        "exclude": empty,
        "parameters": {},
        "labels": {},
        "maxLease": "7d",
        "hidden": ["match.users", "parameters", "labels"],
    }
    everywhere = {**both, "name": "all", "match": empty, "labels": {"team": "all"}, "hidden": []}
    assert constraints_of(repositories=("ml/**",)) == [everywhere, both]

    full = constraints_of(repositories=("**",))
    assert [one["name"] for one in full] == ["all", "both", "others"]
    assert full[1] == {
        **both,
        "match": {**empty, "repositories": ["bank/*", "ml/train"], "users": ["eve"]},
        "parameters": {"allowed": ["/srv/bank"]},
        "labels": {"team": "bank"},
        "hidden": [],
    }


def test_a_token_for_opa_bundles_alone_reads_all_constraints(constraints_of) -> None:
    names = [one["name"] for one in constraints_of(repositories=(), scopes=("bundles",))]
    assert names == ["all", "both", "others"]
    names = [one["name"] for one in constraints_of(repositories=("ml/**",), scopes=("admin",))]
    assert names == ["all", "both"]


def test_the_policies_of_the_set_are_listed_with_what_is_done_about_them(client, services):
    response = client.get("/v1/policies")

    body = response.json
    assert (response.status_code, body["kind"]) == (200, "PolicyList")
    assert body["policySet"] == {
        "name": services.policy_set.name,
        "revision": services.policy_set.revision,
    }
    assert [item["id"] for item in body["items"]] == list(services.policy_set.policies)
    item = next(item for item in body["items"] if item["id"] == "no-all-gpus")
    assert [constraint["actions"] for constraint in item["constraints"]] == [{"default": "deny"}]


def test_one_policy_is_shown_in_full_and_no_path_of_the_server(client, services):
    response = client.get("/v1/policies/no-privileged")

    body = response.json
    assert body["kind"] == "Policy"
    assert body["remediation"] == services.policy_set.policies["no-privileged"].remediation
    assert body["source"].startswith("# METADATA")
    assert "location" not in body["constraints"][0]


def test_a_policy_that_is_not_there_is_not_found(client, services):
    response = client.get("/v1/policies/no-such")

    assert (response.status_code, response.json["reason"]) == (404, "NotFound")
    assert response.json["message"] == (
        f"there is no policy no-such in the policy set {services.policy_set.name}"
    )
    assert client.get("/v1/policies?x=1").status_code == 400
