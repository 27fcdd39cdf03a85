"""What is asked of GitHub and Gitea, by their own descriptions of their APIs (OpenAPI).

The descriptions are not in this repository: `.ci/run` fetches them. GitLab's is not published as a
package.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from policyd.forges import FORGES
from policyd.forges.contract import Annotation, Call, Report, Settled
from policyd.forges.events import Change, ExceptionRequest
from policyd.forges.reconciling import _DELIVERIES
from policyd.forges.tokens import PERMISSIONS

FOLDER = Path(__file__).parents[2] / ".bench/tools/forge-descriptions"
KINDS = ("github", "gitea")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(
        not all((FOLDER / f"{kind}.json").exists() for kind in KINDS),
        reason="there are no descriptions of forges",
    ),
]

CHANGE = Change(
    delivery="d",
    kind="pull-request",
    repository="ml/train",
    repository_id=3,
    commit="a" * 40,
    base="b" * 40,
    ref="refs/heads/f",
    number=7,
)
NOTES = tuple(Annotation("compose.yaml", line, "failure", "t", "m") for line in range(60))
REPORTS = [
    Report(verdict, "Denied: x", "text", NOTES, "https://policyd.example/1")
    for verdict in ("allowed", "denied", "error")
]


@functools.cache
def description(kind: str) -> dict[str, Any]:
    text = (FOLDER / f"{kind}.json").read_text()
    found: dict[str, Any] = json.loads(re.sub(r"{{[^}]*}}", "", text))
    return found


def calls(kind: str) -> list[Call]:
    """Return one of each request that is sent to a forge of `kind`."""
    adapter = FORGES[kind]
    found = [adapter.archive(CHANGE, CHANGE.commit), adapter.open_pull_requests("ml/train")]
    found += [call for call in (adapter.pull_request(CHANGE),) if call]
    for report in (None, *REPORTS):
        for is_app in (False, True):
            found += adapter.status(CHANGE, report, is_app=is_app)
    for settled in (Settled(), Settled(5)):
        found += [call for call in (adapter.comment(CHANGE, REPORTS[0], settled),) if call]
    request = ExceptionRequest("d", "ml/train", 3, "a" * 40, 9)
    found += [call for call in (adapter.exception(request, "text"),) if call]
    found.append(Call("GET", "/user"))
    if kind == "github":
        found += [
            Call("GET", "/app"),
            _DELIVERIES,
            Call("POST", "/app/hook/deliveries/1/attempts"),
            Call("POST", "/app/installations/5/access_tokens", {"permissions": PERMISSIONS}),
        ]
    return found


def operation(kind: str, call: Call) -> dict[str, Any]:
    """Return the description of `call`. Raises LookupError for one that the forge does not have."""
    path, _, query = call.path.partition("?")
    path = path.replace("{id}", "1")
    for template, methods in description(kind)["paths"].items():
        pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and call.method.lower() in methods:
            found: dict[str, Any] = methods[call.method.lower()]
            known = {one.get("name") or one["$ref"] for one in found.get("parameters", ())}
            named = {part.partition("=")[0] for part in query.split("&") if part}
            missing = {name for name in named if not any(name in one for one in known)}
            missing = {name for name in missing if name.replace("_", "-") not in "".join(known)}
            assert not missing, f"{call.path}: unknown parameters {missing}"
            return found
    raise LookupError(f"{kind} has no {call.method} {path}")


def body_schema(kind: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the body, whose references are to the description."""
    if kind == "github":
        schema = found["requestBody"]["content"]["application/json"]["schema"]
        return {"components": description(kind)["components"], **schema}
    (body,) = [one for one in found["parameters"] if one["in"] == "body"]
    return {"definitions": description(kind)["definitions"], **body["schema"]}


def closed(schema: dict[str, Any]) -> set[str]:
    """Return the names of all properties that a body may have at its top."""
    found = set(schema.get("properties", {}))
    for part in ("oneOf", "anyOf", "allOf"):
        for one in schema.get(part, ()):
            found |= closed(one)
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        found |= set(schema["definitions"][name].get("properties", {}))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_each_request_is_one_that_the_forge_describes(kind: str) -> None:
    for call in calls(kind):
        found = operation(kind, call)
        if call.content is None:
            continue
        schema = body_schema(kind, found)
        validator = jsonschema_rs.validator_for(schema)
        errors = [str(error) for error in validator.iter_errors(call.content)]
        assert errors == [], f"{call.method} {call.path}"
        assert set(call.content) <= closed(schema), f"{call.method} {call.path}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_that_the_forge_does_not_have_is_found_out(kind: str) -> None:
    with pytest.raises(LookupError):
        operation(kind, Call("POST", "/repos/ml/train/verdicts/1"))
