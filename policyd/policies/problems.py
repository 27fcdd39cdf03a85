"""Collect what is wrong with a policy set, so that all of it can be told at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
