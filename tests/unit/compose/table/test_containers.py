"""The rows of containers are those of `container_spec` and `workload_spec` of the schema."""

from __future__ import annotations

from policyd.compose.table.containers import CONTAINER, WORKLOAD


def keys(rows: str) -> list[str]:
    return [row.split()[0] for row in rows.strip().split("\n") if not row.startswith(" ")]


def test_there_are_as_many_keys_as_in_the_schema() -> None:
    assert len(keys(CONTAINER)) == 73
    assert keys(WORKLOAD) == [
        "build", "depends_on", "expose", "healthcheck", "ports", "stdin_open", "tty",
    ]  # fmt: skip


def test_keys_are_in_order() -> None:
    assert keys(CONTAINER) == sorted(keys(CONTAINER))
