"""Rego engines: each answers one review input with findings and grants."""

from __future__ import annotations

from typing import Protocol

import msgspec

from policyd.errors import EngineError
from policyd.model import Findings

QUERY = "data.policyd.main.result"
"""What every engine is asked for."""

EMPTY_INPUT = (
    b'{"review": {}, "constraints": {}, "workloads": [], "project": {}, "unresolved": [],'
    b' "notEvaluated": []}'
)
"""A review input without workloads and constraints: what a probe asks about."""

_ANSWER = msgspec.json.Decoder(Findings)


class Engine(Protocol):
    """Evaluates `data.policyd.main.result` on a review input."""

    name: str

    def findings(self, review_input: bytes) -> Findings:
        """Return what the policies say of `review_input` (the JSON document of DESIGN section 5).

        Raises EngineError when the engine fails, takes too long or gives no result.
        """

    def close(self) -> None:
        """Release the engine's thread or connection."""


def decode(answer: str | bytes) -> Findings:
    """Return the findings and grants of an engine's JSON answer.

    Raises EngineError for an undefined result, and for findings or grants of another shape.
    """
    try:
        return _ANSWER.decode(answer)
    except msgspec.DecodeError as error:
        raise EngineError(f"{QUERY} is not what policies answer: {error}") from error
