"""The table has the keys of the schema, and the definition of a container once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policyd.compose.table.containers import CONTAINER, WORKLOAD
from policyd.compose.table.field import Field
from policyd.compose.table.fields import PROJECT

SERVICE = PROJECT.at("services", "*")
JOB = PROJECT.at("jobs", "*")
HOOK = PROJECT.at("services", "*", "pre_start", "[]")


def test_services_jobs_and_hooks_have_the_keys_of_the_schema() -> None:
    only_services = {
        "attach", "container_name", "deploy", "develop", "extends", "external_links", "links",
        "post_start", "pre_start", "pre_stop", "profiles", "provider", "restart", "scale",
    }  # fmt: skip
    workload = {"build", "depends_on", "expose", "healthcheck", "ports", "stdin_open", "tty"}

    assert len(SERVICE.children) == 94
    assert SERVICE.children.keys() - HOOK.children.keys() == only_services | workload
    assert HOOK.children.keys() - SERVICE.children.keys() == {"per_replica"}
    assert JOB.children.keys() - SERVICE.children.keys() == {"triggers"}
    assert SERVICE.children.keys() - JOB.children.keys() == only_services - {"profiles"}


def test_the_definition_of_a_container_is_shared() -> None:
    for key in ("gpus", "environment", "devices", "privileged", "volumes"):
        assert SERVICE.at(key) is JOB.at(key)
        assert SERVICE.at(key) is HOOK.at(key)


def test_uniqueness_and_defaults_reach_those_kinds_that_compose_says() -> None:
    assert SERVICE.deep == {"unique", "long", "default", "path"}
    assert JOB.deep == {"long", "default", "path"}
    assert HOOK.deep == {"long", "path"}


def test_every_row_of_a_container_is_written_once() -> None:
    rows = [row for row in (CONTAINER + WORKLOAD).split("\n") if row and not row.startswith(" ")]

    assert len({row.split()[0] for row in rows}) == len(rows)


def test_every_pattern_is_a_regular_expression() -> None:
    patterns = {
        pattern.pattern
        for field in _all_fields(PROJECT, set())
        for pattern in (field.pattern, field.keys)
        if pattern is not None
    }

    assert len(patterns) == 5
    for pattern in patterns:
        re.compile(pattern)


def _all_fields(field: Field, seen: set[Field]) -> Iterator[Field]:
    if field in seen:
        return
    seen.add(field)
    yield field
    for below in (*field.children.values(), field.each, field.item):
        if below is not None:
            yield from _all_fields(below, seen)
