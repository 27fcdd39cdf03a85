"""Limit the cost of loading a project, whatever its files contain.

In: the steps of loading, as they happen. Out: nothing, or a ComposeError. The limits of single
things (a file, a list, a depth) are checked where these are read.
"""

from __future__ import annotations

from typing import Final

from policyd import deadline
from policyd.compose.limits import MAX_STEPS, MAX_TEXT_GROWTH
from policyd.compose.nodes import Node
from policyd.errors import ComposeError
from policyd.model import Location

STEPS_BETWEEN_CHECKS: Final = 1_000
"""Steps after which the time is compared with the deadline: some milliseconds."""


class Effort:
    """The cost of a project so far: steps, and characters that variables have added."""

    def __init__(self) -> None:
        self.steps = 0
        self._next_check = 0
        self.characters = 0

    def spend(self, steps: int, at: Node | Location | None) -> None:
        """Count `steps` more: values merged, lines of environment files, `$` signs, and so on.

        Raises ComposeError, at `at`, when they are too many, and ReviewTimeout.
        """
        self.steps += steps
        if self.steps >= self._next_check:
            self._next_check = self.steps + STEPS_BETWEEN_CHECKS
            deadline.check()
        if self.steps > MAX_STEPS:
            raise ComposeError(
                f"the project is too large: more than {MAX_STEPS} values, variables and lines, "
                "counted each time they are used",
                _location(at),
            )

    def read(self, content: bytes, at: Node | Location | None) -> None:
        """Count the steps of reading `content` as an environment file. Raises ComposeError."""
        marks = sum(map(content.count, (b"\n", b"$", b"\\")))
        self.spend(1 + 3 * marks + len(content) // 100, at)

    def grow(self, characters: int, at: Node | Location | None) -> None:
        """Count `characters` more that variables have added.

        Raises ComposeError, at `at`, when they are too many.
        """
        self.characters += characters
        if self.characters > MAX_TEXT_GROWTH:
            raise ComposeError(
                f"variables add more than {MAX_TEXT_GROWTH} characters to the project",
                _location(at),
            )


def _location(at: Node | Location | None) -> Location | None:
    return at.location if isinstance(at, Node) else at
