"""Collect the errors of a policy set, so that all of them can be reported at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import msgspec

from policyd.errors import PolicySetError, PolicySetWarning

if TYPE_CHECKING:
    from pathlib import Path

Problem = TypeVar("Problem", bound=PolicySetError)
Result = TypeVar("Result")


class Problems(list[PolicySetError]):
    """The errors of a policy set, in the order in which they were found, and its warnings."""

    def __init__(
        self, errors: Iterable[PolicySetError] = (), warnings: Iterable[PolicySetWarning] = ()
    ) -> None:
        super().__init__(errors)
        self.warnings = list(warnings)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Add the PolicySetError that ends the block, and continue after the block."""
        try:
            yield
        except PolicySetError as problem:
            self.append(problem)

    def attempt(self, read: Callable[[], Result], otherwise: Result) -> Result:
        """Return what `read` returns, or `otherwise` after adding the PolicySetError it raised."""
        with self.collecting():
            return read()
        return otherwise

    def placed(self, packs: Mapping[str, Path]) -> Problems:
        """Return the errors with module names, <pack>/<path>, replaced by file names on disk."""
        return Problems(
            (_placed(problem, packs) for problem in self),
            (_placed(warning, packs) for warning in self.warnings),
        )

    def in_order(self) -> list[PolicySetError]:
        """Return the errors and then the warnings, both by file and position, none twice."""
        return [*_in_order(self), *_in_order(self.warnings)]


def _in_order(problems: Iterable[PolicySetError]) -> list[PolicySetError]:
    once = {str(problem): problem for problem in problems}
    return sorted(once.values(), key=_place)


def _placed(problem: Problem, packs: Mapping[str, Path]) -> Problem:
    where = problem.where
    holding = [name for name in packs if where and where.file.startswith(f"{name}/")]
    if not where or not holding:
        return problem
    name = max(holding, key=len)
    file = str(packs[name] / where.file.removeprefix(f"{name}/"))
    return type(problem)(problem.message, msgspec.structs.replace(where, file=file))


def _place(problem: PolicySetError) -> tuple[str, int, int]:
    where = problem.where
    return (where.file, where.line, where.column) if where else ("", 0, 0)
