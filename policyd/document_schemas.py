"""JSON Schemas of the documents that policyd sends, for OpenAPI and for `policyd schema`.

In: types of documents. Out: schemas of draft 2020-12, as JSON values, generated from the types. A
document has every key that its schema requires, and may get further keys in later versions. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import inspect

from policyd import wire
from policyd.audit.event import DecisionEvent, GrantRecord
from policyd.audit.log_event import LogEvent
from policyd.json_schemas import DRAFT
from policyd.model import Decision

Json = dict[str, Any]
Kind = type[msgspec.Struct]

DOCUMENTS: Final[Mapping[str, Kind]] = {
    "decision": Decision,
    "grant": GrantRecord,
    "record": wire.AuditRecord,
}
"""The types whose schemas `policyd schema` prints, by their names on the command line."""

_EVENTS: Final[tuple[Kind, ...]] = (DecisionEvent, LogEvent)
"""What `event` of an AuditRecord can be. Its type does not say so: it is sent as it is stored."""


class Described(NamedTuple):
    """References to types, and the schemas of these and of all types in them, by name."""

    references: dict[Kind, Json]
    schemas: dict[str, Json]


def described(answers: Iterable[Kind], requests: Iterable[Kind], ref_template: str) -> Described:
    """Return the schemas of the types of `answers` and of `requests`.

    `ref_template` is the reference to the schema {name}. Keys with defaults may be left out of
    requests, and of the types of answers that leave out defaults.
    """
    sent, asked = set(_structs([*answers, *_EVENTS])), set(_structs(requests))
    kinds = sorted(sent | asked, key=lambda kind: (kind.__name__, kind.__module__))
    found, components = msgspec.json.schema_components(kinds, ref_template=ref_template)
    references, schemas = dict(zip(kinds, found, strict=True)), dict(components)
    for kind in sent - asked:
        _require_all(kind, schemas[_name(references[kind])])
    if reference := references.get(wire.AuditRecord):
        event = {"anyOf": [references[kind] for kind in _EVENTS]}
        schemas[_name(reference)]["properties"]["event"] = event
    return Described(references, schemas)


def document_schema(name: str) -> Json:
    """Return the schema of the document `name` of DOCUMENTS."""
    kind = DOCUMENTS[name]
    references, schemas = described([kind], (), "#/$defs/{name}")
    used = dict(_used(references[kind], schemas))
    return {"$schema": DRAFT, **references[kind], "$defs": used}


def _name(reference: Json) -> str:
    return str(reference.get("$ref", "")).rpartition("/")[2]


def _require_all(kind: Kind, schema: Json) -> None:
    """Require every key that documents of `kind` always have."""
    if kind.__struct_config__.omit_defaults:
        return
    always = [
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if field.default is not msgspec.UNSET
    ]
    schema["required"] = always


def _structs(kinds: Iterable[Kind]) -> Iterator[Kind]:
    """Yield `kinds` and the types of structs in them."""
    waiting: list[Any] = list(inspect.multi_type_info(kinds))
    seen: set[Kind] = set()
    while waiting:
        info = waiting.pop()
        if isinstance(info, inspect.StructType):
            if info.cls in seen:
                continue
            seen.add(info.cls)
            yield info.cls
            waiting += [field.type for field in info.fields]
        elif isinstance(info, inspect.Type):
            for part in (getattr(info, name) for name in info.__struct_fields__):
                waiting += part if isinstance(part, tuple) else [part]


def _used(value: Any, schemas: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """Yield the name and the schema of each type that `value` refers to, by name."""
    names: set[str] = set()
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            name = _name(part)
            if name and name not in names:
                names.add(name)
                waiting.append(schemas[name])
            waiting += part.values()
        elif isinstance(part, list | tuple):
            waiting += part
    yield from ((name, schemas[name]) for name in sorted(names))
