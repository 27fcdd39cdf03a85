"""The versions of Compose that the loader follows."""

from __future__ import annotations

from typing import Final

COMPOSE_VERSION: Final = "5.7.1"
"""The release of docker compose whose `config` output the loader reproduces."""

COMPOSE_GO_VERSION: Final = "2.16.2"
"""The release of compose-go, the loader library, in that release of docker compose."""
