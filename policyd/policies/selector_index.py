"""Find which of many selectors match a review, or a violation, without looking at each of them.

In: selectors, numbered from 0 in their order. Out: the numbers of those that match, as the bits of
an integer. The functions of `matching` define what a selector matches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policyd.model import Path
from policyd.policies.glob_index import GlobIndex
from policyd.policies.matching import Selector, Subject


class _Field:
    """The globs of one field of all selectors. `free` are the selectors without such globs."""

    def __init__(self, globs: Sequence[tuple[str, ...]]) -> None:
        self.free = bits(number for number, own in enumerate(globs) if not own)
        self._index = GlobIndex((glob, number) for number, own in enumerate(globs) for glob in own)

    def matching(self, values: Sequence[str]) -> int:
        found = self.free
        for value in values:
            found |= self._index.matching(value)
        return found


class SelectorIndex:
    """Selectors by what they match. Threads may share it."""

    def __init__(self, selectors: Sequence[Selector]) -> None:
        self._all = (1 << len(selectors)) - 1
        by_field = [selector.globs() for selector in selectors]
        self._fields = {
            field: _Field([globs.get(field, ()) for globs in by_field])
            for field in sorted({field for globs in by_field for field in globs})
        }
        self._services = _Field([selector.services for selector in selectors])
        self._paths = _Field([selector.paths for selector in selectors])
        self._selecting = bits(number for number, globs in enumerate(by_field) if globs)

    def matched(self, about: Subject) -> int:
        """Return the selectors for which `matching.why_not_matched` is ""."""
        return self._narrowed(about, unknown=True)

    def granted(self, about: Subject) -> int:
        """Return the selectors for which `matching.why_not_granted` is ""."""
        return self._narrowed(about, unknown=False)

    def excluded(self, about: Subject) -> int:
        """Return the selectors for which `matching.why_excluded` gives a reason."""
        return self.granted(about) & self._selecting

    def for_service(self, service: str) -> int:
        """Return the selectors that match a violation of `service`, or of no service for ""."""
        return self._services.matching([service]) if service else self._all

    def covering(self, service: str, path: Path) -> int:
        """Return the selectors for which `matching.covers` is true."""
        services = self._services.matching([service] if service else [])
        return services & self._paths.matching(["/".join(map(str, path))])

    def _narrowed(self, about: Subject, *, unknown: bool) -> int:
        found = self._all
        for field, globs in self._fields.items():
            values = [value for value in about[field] if value]
            if values or not unknown:
                found &= globs.matching(values)
        return found


def bits(numbers: Iterator[int]) -> int:
    """Return the integer whose bits are `numbers`."""
    found = 0
    for number in numbers:
        found |= 1 << number
    return found


def numbers(found: int) -> Iterator[int]:
    """Yield the numbers of the bits of `found`, the lowest first."""
    while found:
        lowest = found & -found
        yield lowest.bit_length() - 1
        found ^= lowest
