"""The JSON documents that CLI and HTTP share."""

from __future__ import annotations

import json

import msgspec

from policyd import wire
from policyd.model import AuditRecord, to_json
from policyd.policies.policy_set import load_policy_set

RECORD = AuditRecord(7, "2027-01-31T00:00:00Z", "decision", '{"a": "b"}', "00", "11")


def as_json(document: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(to_json(document))
    return found


def test_each_document_names_its_version_and_its_kind() -> None:
    for kind in wire.Document.__subclasses__():
        fields = {field.name: field.default for field in msgspec.structs.fields(kind)}
        assert fields["api_version"] == "policyd/v1"
        assert fields["kind"] == kind.__name__


def test_a_record_has_the_same_fields_alone_and_in_a_list() -> None:
    item = {
        "apiVersion": "policyd/v1",
        "kind": "AuditRecord",
        "sequence": 7,
        "time": "2027-01-31T00:00:00Z",
        "type": "decision",
        "prevHash": "00",
        "hash": "11",
        "event": {"a": "b"},
    }

    assert as_json(wire.audit_record(RECORD)) == item
    assert as_json(wire.audit_record_list([RECORD], 2)) == {
        "apiVersion": "policyd/v1",
        "kind": "AuditRecordList",
        "items": [item],
        "next": None,
    }


def test_the_payload_stays_as_it_was_hashed() -> None:
    assert b'"event":{"a": "b"}' in to_json(wire.audit_record(RECORD))


def test_a_full_page_names_the_next_one() -> None:
    assert wire.audit_record_list([RECORD], 1).next == 7
    assert wire.grant_list([], 1).next is None


def test_places_in_the_files_of_the_operator_are_left_out_on_request() -> None:
    policy_set = load_policy_set()
    (item,) = (
        item
        for item in wire.policy_list(policy_set, locations=False).items
        if item["id"] == "no-privileged"
    )
    shown = wire.policy_document(policy_set.policies["no-privileged"], policy_set, locations=True)

    assert [sorted(constraint) for constraint in item["constraints"]] == [
        ["actions", "exclude", "labels", "match", "name", "parameters", "policy"]
    ]
    assert "location" in shown["constraints"][0]
    assert (shown["apiVersion"], shown["kind"]) == ("policyd/v1", "Policy")
