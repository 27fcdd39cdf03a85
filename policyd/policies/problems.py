"""Collect the errors of a policy set, so that all of them can be reported at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from policyd.errors import PolicySetError


class Problems(list[PolicySetError]):
    """The errors of a policy set, in the order in which they were found."""

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Add the PolicySetError that ends the block, and continue after the block."""
        try:
            yield
        except PolicySetError as problem:
            self.append(problem)

    def placed(self, packs: Mapping[str, Path]) -> Problems:
        """Return the errors with module names, <pack>/<path>, replaced by file names on disk."""
        return Problems(_placed(problem, packs) for problem in self)

    def in_order(self) -> list[PolicySetError]:
        """Return the errors without duplicates, sorted by file and position."""
        once = {str(problem): problem for problem in self}
        return sorted(once.values(), key=_place)


def _placed(problem: PolicySetError, packs: Mapping[str, Path]) -> PolicySetError:
    where = problem.where
    holding = [name for name in packs if where and where.file.startswith(f"{name}/")]
    if not where or not holding:
        return problem
    name = max(holding, key=len)
    file = str(packs[name] / where.file.removeprefix(f"{name}/"))
    return PolicySetError(problem.message, msgspec.structs.replace(where, file=file))


def _place(problem: PolicySetError) -> tuple[str, int, int]:
    where = problem.where
    return (where.file, where.line, where.column) if where else ("", 0, 0)
