"""Rego engines: each answers one review input with findings and grants."""

from __future__ import annotations

from typing import Protocol

from policyd.model import Findings


class Engine(Protocol):
    """Evaluates `data.policyd.main.result` on a review input."""

    name: str

    def findings(self, review_input: bytes) -> Findings:
        """Return what the policies say of `review_input` (the JSON document of DESIGN section 5).

        Raises EngineError when the engine fails, takes too long or gives no result.
        """

    def close(self) -> None:
        """Release the engine's thread or connection."""
