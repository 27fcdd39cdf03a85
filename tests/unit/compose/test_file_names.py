"""Compose prefers compose.yaml, and compose.override.yml among the overrides."""

from __future__ import annotations

from policyd.compose.file_names import COMPOSE_FILE_NAMES, OVERRIDE_FILE_NAMES


def test_names_are_in_order_of_preference() -> None:
    assert COMPOSE_FILE_NAMES == (
        "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml",
    )  # fmt: skip
    assert OVERRIDE_FILE_NAMES[0] == "compose.override.yml"
    assert [name.replace(".override", "") for name in OVERRIDE_FILE_NAMES] == [
        "compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml",
    ]  # fmt: skip
