from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from flask.testing import FlaskClient

from policyd.web.app import SCOPES
from policyd.web.openapi import OPEN, OPERATIONS
from tests.support.cases import cases
from tests.unit.web.conftest import CLEAN

DENIED = "services:\n  web:\n    image: nginx\n    privileged: true\n"


@pytest.fixture
def described(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json
    return found


def schema_of(described: dict[str, Any], path: str, method: str, code: str) -> dict[str, Any]:
    answer = described["paths"][path][method]["responses"][code]
    schema: dict[str, Any] = answer["content"]["application/json"]["schema"]
    return {**schema, "components": described["components"]}


def test_each_route_is_described(client: FlaskClient, described: dict[str, Any]) -> None:
    routes = {
        (method.lower(), re.sub("<(?:path:)?([a-z_]+)>", r"{\1}", rule.rule))
        for rule in client.application.url_map.iter_rules()
        if not rule.endpoint.startswith("console.")  # pages for people
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert {
        (method, path) for path, methods in described["paths"].items() for method in methods
    } == routes
    assert described["openapi"] == "3.1.1"


def test_only_routes_with_a_key_of_their_own_need_none() -> None:
    rules = {rule for _, rule in OPERATIONS}

    assert rules - {*SCOPES} == {*OPEN, "/hooks/registry/<name>", "/hooks/<kind>/<name>"}


@cases("text", [CLEAN, DENIED, "services: [", ""])
@cases("fail", ["true", "false"])
def test_the_answer_to_a_review_is_as_described(
    post: Callable[..., Any], described: dict[str, Any], text: str, fail: str
) -> None:
    answer = post(text, f"?fail={fail}")

    code = str(answer.status_code) if answer.status_code in (200, 403) else "default"
    schema = schema_of(described, "/v1/review", "post", code)
    jsonschema_rs.validate(schema, answer.json)


@pytest.mark.thorough
@cases(
    ("path", "name"),
    [
        ("/v1/decisions", "/v1/decisions"),
        ("/v1/grants", "/v1/grants"),
        ("/v1/hooks", "/v1/hooks"),
        ("/v1/policies", "/v1/policies"),
        ("/v1/policies/no-all-gpus", "/v1/policies/{policy_id}"),
        ("/healthz", "/healthz"),
        ("/readyz", "/readyz"),
        ("/v1/decisions/none", "/v1/decisions/{decision_id}"),
        ("/v1/grants?limit=0", "/v1/grants"),
    ],
)
def test_answers_are_as_described(
    client: FlaskClient,
    post: Callable[..., Any],
    described: dict[str, Any],
    path: str,
    name: str,
) -> None:
    post(DENIED)
    answer = client.get(path)

    code = "200" if answer.status_code == 200 else "default"
    jsonschema_rs.validate(schema_of(described, name, "get", code), answer.json)


def test_the_query_of_a_route_is_described(described: dict[str, Any]) -> None:
    parameters = described["paths"]["/v1/grants"]["get"]["parameters"]

    limit = {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}
    assert {"name": "limit", "in": "query", "schema": limit} in parameters
    assert {"name": "host", "in": "query", "schema": {"type": "string"}} in parameters


def test_the_envelope_of_a_review_is_described(described: dict[str, Any]) -> None:
    bodies = described["paths"]["/v1/review"]["post"]["requestBody"]["content"]
    schema = {**bodies["application/json"]["schema"], "components": described["components"]}
    asked = {
        "apiVersion": "policyd/v1",
        "kind": "ComposeReview",
        "request": {"project": {"files": {"compose.yaml": CLEAN}}},
    }

    jsonschema_rs.validate(schema, json.loads(json.dumps(asked)))
    assert not jsonschema_rs.is_valid(schema, {**asked, "kind": "Pod"})
    assert not jsonschema_rs.is_valid(schema, {**asked, "more": 1})
