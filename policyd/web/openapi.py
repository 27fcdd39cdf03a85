"""GET /openapi.json: the description of this API in OpenAPI 3.1, made from the types that it uses.

In: the routes of the application. Out: a document that describes each of them. Source: OpenAPI
Specification 3.1.1.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from flask import Flask, Response, request

import policyd
from policyd import wire
from policyd.document_schemas import described
from policyd.services import Services
from policyd.web import hooks, records, review_request, revocations
from policyd.web.query import NoParameters, parameters
from policyd.web.replies import reply

Json = dict[str, Any]

ENDPOINT: Final = "openapi"

_SCHEMAS: Final = "#/components/schemas/"
_TEXT: Final[Json] = {"type": "string"}
_BINARY: Final[Json] = {"type": "string", "format": "binary"}
_TEXT_TYPES: Final = ("text/plain", "application/openmetrics-text")


class Operation(NamedTuple):
    """A route: what it does, its answers by media type, its query, its status when it succeeds.

    An answer is a type of JSON document, or None for text, bytes and other JSON.
    """

    summary: str
    answers: Mapping[str, type[wire.Document] | None]
    query: type[msgspec.Struct] = NoParameters
    code: int = 200


def _json(kind: type[wire.Document]) -> Mapping[str, type[wire.Document]]:
    return {"application/json": kind}


OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("post", "/v1/review"): Operation(
        "Decide whether a project may be deployed, and record the decision.",
        {"application/json": wire.ComposeReview, "text/plain": None},
        review_request.ReviewQuery,
    ),
    ("get", "/v1/decisions"): Operation(
        "List decisions, newest first.", _json(wire.AuditRecordList), records.DecisionsQuery
    ),
    ("get", "/v1/decisions/<decision_id>"): Operation(
        "Read one decision as it was recorded.", _json(wire.AuditRecord)
    ),
    ("get", "/v1/grants"): Operation(
        "List grants of accelerators, newest first.", _json(wire.GrantList), records.GrantsQuery
    ),
    ("post", "/v1/grants/<grant>/revoke"): Operation(
        "End a grant; the answer is the event in the audit log.", _json(wire.AuditRecord)
    ),
    ("get", "/v1/events"): Operation(
        "List other events of the audit log, newest first.",
        _json(wire.EventList),
        records.EventsQuery,
    ),
    ("get", "/v1/gpus"): Operation(
        "List the GPUs of the inventory and who holds them.",
        _json(wire.DeviceList),
        records.DevicesQuery,
    ),
    ("get", "/v1/usage"): Operation(
        "List how long GPUs were held, by team.", _json(wire.UsageList), records.UsageQuery
    ),
    ("get", "/v1/hooks"): Operation(
        "List pushes to registries that wait for their review or have failed.",
        _json(wire.PushList),
        hooks.HooksQuery,
    ),
    ("get", "/v1/policies"): Operation("List the policies in force.", _json(wire.PolicyList)),
    ("get", "/v1/policies/<policy_id>"): Operation(
        "Read one policy and its constraints.", {"application/json": None}
    ),
    ("get", "/bundles/<name>.tar.gz"): Operation(
        "Read the policy set in force as an OPA bundle.", {"application/gzip": None}
    ),
    ("get", "/metrics"): Operation("Read metrics for Prometheus.", dict.fromkeys(_TEXT_TYPES)),
    ("get", "/log/checkpoint"): Operation(
        "Read a signed checkpoint of the audit log.", {"text/plain": None}
    ),
    ("get", "/log/tile/<path:name>"): Operation(
        "Read a tile of the audit log.", {"application/octet-stream": None}
    ),
    ("post", "/hooks/registry/<name>"): Operation(
        "Receive notifications of a registry.", _json(wire.Accepted), code=202
    ),
    ("post", "/hooks/<kind>/<name>"): Operation(
        "Receive a webhook of a forge.", _json(wire.Accepted), code=202
    ),
    ("get", "/healthz"): Operation("Read whether the service is alive.", _json(wire.Health)),
    ("get", "/readyz"): Operation(
        "Read whether decisions can be made and recorded.", _json(wire.Readiness)
    ),
    ("get", "/openapi.json"): Operation("Read this description.", {"application/json": None}),
}
"""Every route by its method and its rule in Flask."""

OPEN: Final = ("/healthz", "/readyz", "/openapi.json")
"""Rules that need no token."""

_BODIES: Final[Json] = {
    # Any YAML is a question; what is not a Compose project is denied.
    **{kind: {"schema": {}} for kind in review_request.YAML_TYPES},
    **{
        kind: {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "array", "items": _BINARY, "minItems": 1}},
                "required": ["file"],
                "additionalProperties": False,
            }
        }
        for kind in review_request.FORM_TYPES
    },
    **{kind: {"schema": _BINARY} for kind in review_request.ARCHIVE_TYPES},
}
_NOTIFICATION: Final[Json] = {"application/json": {"schema": {"type": "object"}}}


def add_routes(app: Flask, _: Services) -> None:
    """Add the route, as the endpoint ENDPOINT."""

    @app.get("/openapi.json", endpoint=ENDPOINT)
    def openapi() -> Response:
        parameters(request, NoParameters)
        rules = {rule.rule for rule in app.url_map.iter_rules()}
        return reply(document(rules))


def document(rules: Collection[str]) -> Json:
    """Return the description of the routes with the `rules` of Flask."""
    types = _Types()
    paths: dict[str, Json] = {}
    for (method, rule), one in OPERATIONS.items():
        if rule in rules:
            path = re.sub("<(?:path:)?([a-z_]+)>", r"{\1}", rule)
            paths.setdefault(path, {})[method] = _operation(rule, one, types)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "policyd",
            "version": policyd.__version__,
            "summary": "Admission and policy engine for Docker Compose",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": types.schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


class _Types:
    """The schemas of all types of documents and queries, and references to them."""

    def __init__(self) -> None:
        answers: set[type[msgspec.Struct]] = {
            kind for one in OPERATIONS.values() for kind in one.answers.values() if kind
        }
        queries: set[type[msgspec.Struct]] = {one.query for one in OPERATIONS.values()}
        requests = (review_request.ReviewEnvelope, revocations.Revocation)
        self.references, self.schemas = described(
            [*answers, wire.Status], [*queries, *requests], f"{_SCHEMAS}{{name}}"
        )
        self.queries = {kind: self.schemas.pop(self._name(kind)) for kind in queries}

    def _name(self, kind: type[msgspec.Struct]) -> str:
        return str(self.references[kind]["$ref"]).removeprefix(_SCHEMAS)


def _operation(rule: str, one: Operation, types: _Types) -> Json:
    failure_schema = types.references[wire.Status]
    failure = {"application/json": {"schema": failure_schema}}
    described: Json = {
        "summary": one.summary,
        "operationId": re.sub("[^A-Za-z]+", "_", one.summary.split(",")[0].lower()).strip("_"),
        "parameters": [*_path_parameters(rule), *_query_parameters(types.queries[one.query])],
        "responses": {
            str(one.code): {
                "description": "The request succeeded.",
                "content": {
                    media: {"schema": types.references[kind] if kind else _plain(media)}
                    for media, kind in one.answers.items()
                },
            },
            "default": {"description": "It failed; the message says why.", "content": failure},
        },
    }
    if rule == "/v1/review":
        denied = {"anyOf": [types.references[wire.ComposeReview], failure_schema]}
        described["responses"]["403"] = {
            "description": "A denial, if the query says `fail=true`; or the token is not valid.",
            "content": {"application/json": {"schema": denied}, "text/plain": {"schema": _TEXT}},
        }
        envelope = {"schema": types.references[review_request.ReviewEnvelope]}
        bodies = {"application/json": envelope, **_BODIES}
        described["requestBody"] = {"required": True, "content": bodies}
    if rule.endswith("/revoke"):
        revocation = {"schema": types.references[revocations.Revocation]}
        described["requestBody"] = {"required": True, "content": {"application/json": revocation}}
    if rule.startswith("/hooks/"):
        described["requestBody"] = {"required": True, "content": _NOTIFICATION}
    if rule not in OPEN:
        described["security"] = [{"bearer": []}]
    return described


def _plain(media: str) -> Json:
    if media == "application/json":
        return {"type": "object"}
    return _TEXT if media in _TEXT_TYPES else _BINARY


def _path_parameters(rule: str) -> list[Json]:
    names = re.findall("<(?:path:)?([a-z_]+)>", rule)
    return [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names]


def _query_parameters(schema: Json) -> list[Json]:
    return [
        {"name": name, "in": "query", "schema": _without_null(value)}
        for name, value in schema["properties"].items()
    ]


def _without_null(schema: Json) -> Json:
    """Return the schema of a parameter that may be left out, for the case that it is given."""
    schema = {key: value for key, value in schema.items() if (key, value) != ("default", None)}
    given = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(given) != 1:
        return schema
    return {**{key: value for key, value in schema.items() if key != "anyOf"}, **given[0]}
