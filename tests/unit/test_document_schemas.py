"""Schemas of documents: what is sent is valid, and later versions only add to them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from policyd import wire
from policyd.audit.store import Store, open_store
from policyd.document_schemas import DOCUMENTS, document_schema
from policyd.model import to_json
from tests.support.held import granted
from tests.unit.audit.conftest import NOON, pair

RECORDED = Path(__file__).with_name("recorded_schemas.json")
"""The schemas of `policyd/v1` as they were recorded. Added keys are recorded with

    python -m tests.unit.test_document_schemas
"""


@pytest.fixture
def store(tmp_path: Path, empty_log: Path) -> Iterator[Store]:
    opened = open_store(str(shutil.copy(empty_log, tmp_path / "audit.db")))
    yield opened
    opened.close()


def test_decisions_grants_and_records_are_valid(store: Store) -> None:
    review, decision = pair("d1", grants=(granted("web"),), policies=("no-privileged",))
    records = [
        store.append_decision(review, decision, content="sha256:0"),
        store.append_event("settings", {"changed": ["tokens"]}, now=NOON),
    ]

    documents = {
        "decision": [decision],
        "grant": store.grants(),
        "record": [wire.audit_record(record) for record in records],
    }
    for name, sent in documents.items():
        for document in sent:
            jsonschema_rs.validate(document_schema(name), json.loads(to_json(document)))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("key", "value"),
    [("hash", None), ("sequence", "1"), ("event", {}), ("event", {"kind": "nonsense"})],
)
def test_what_is_no_record_is_not_valid(store: Store, key: str, value: Any) -> None:
    record = json.loads(to_json(wire.audit_record(store.append_decision(*pair("d1")))))
    record[key] = value

    assert not jsonschema_rs.is_valid(document_schema("record"), record)


def test_each_key_of_a_decision_is_required() -> None:
    schema = document_schema("decision")["$defs"]["Decision"]

    assert schema["required"] == list(schema["properties"])


def differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Yield what a client that knows the schema `before` could not expect of `after`."""
    for key, value in before.items():
        here = f"{place}/{key}"
        found = after.get(key)
        if key in ("title", "description", "default"):
            continue
        if key == "required":
            yield from (f"{here}: {name} is not required any more" for name in {*value} - {*found})
        elif isinstance(value, dict) and isinstance(found, dict):
            yield from differences(value, found, here)
        elif key in ("enum", "anyOf") and isinstance(found, list):
            kept = [to_json(one) for one in found]
            yield from (f"{here}: {one} is gone" for one in value if to_json(one) not in kept)
        elif value != found:
            yield f"{here}: {value} became {found}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_keep_the_keys_and_types_that_clients_know(name: str) -> None:
    recorded = json.loads(RECORDED.read_bytes())[name]

    assert list(differences(recorded, json.loads(to_json(document_schema(name))))) == []


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"properties": {}}, "/properties/a: {'type': 'string'} became None"),
        ({"properties": {"a": {"type": "null"}}}, "/properties/a/type: string became null"),
        ({"enum": ["x"]}, "/enum: y is gone"),
        ({"required": []}, "/required: a is not required any more"),
        ({"properties": {"a": {"type": "string"}, "b": {}}, "enum": ["x", "y", "z"]}, ""),
    ],
)
def test_what_breaks_a_client_is_a_difference(change: dict[str, Any], difference: str) -> None:
    schema = {"properties": {"a": {"type": "string"}}, "enum": ["x", "y"], "required": ["a"]}

    assert "".join(differences(schema, schema | change)) == difference


if __name__ == "__main__":
    schemas = {name: document_schema(name) for name in DOCUMENTS}
    RECORDED.write_text(json.dumps(json.loads(to_json(schemas)), indent=1) + "\n")
