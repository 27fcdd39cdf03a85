"""The file names that Compose looks for when it is given none.

Source: compose-go cli/options.go (DefaultFileNames, DefaultOverrideFileNames).
"""

from __future__ import annotations

from typing import Final

COMPOSE_FILE_NAMES: Final = (
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
)
"""In order of preference."""

OVERRIDE_FILE_NAMES: Final = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
"""In order of preference."""
