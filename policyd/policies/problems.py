"""Collect what is wrong with a policy set, so that all of it can be told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from policyd.errors import PolicySetError


class Problems(list[PolicySetError]):
    """What was found to be wrong, in the order in which it was found."""

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note a PolicySetError that ends the block, and go on after it."""
        try:
            yield
        except PolicySetError as problem:
            self.append(problem)

    def placed(self, packs: Mapping[str, Path]) -> Problems:
        """Return them with the files of modules, named <pack>/<path>, as they lie on the disk."""
        return Problems(_placed(problem, packs) for problem in self)

    def in_order(self) -> list[PolicySetError]:
        """Return each of them once, in order of files and places."""
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
