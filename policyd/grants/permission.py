"""What permitted a grant: entitlements, exceptions, and the constraints that could have denied it.

In: what applies to a review; a workload and the declarations of a grant. Out: a Permission.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from policyd.grants.entitlements import Entitlements
from policyd.model import Exempted, Path
from policyd.workloads.model import GrantDeclaration, Workload


class Permission(msgspec.Struct, frozen=True):
    """The names of what permitted a grant, sorted. The fields are those of a Grant.

    `constraints` are those that could have denied it, `exceptions` those without which it would
    have been denied. `entitlements` is empty unless the policy allowed-gpus was in force.
    """

    exceptions: tuple[str, ...] = ()
    entitlements: tuple[str, ...] | None = None
    constraints: tuple[str, ...] | None = None


class Permissions:
    """What permits the grants of one review."""

    def __init__(
        self,
        exempted: Iterable[Exempted] = (),
        constraints: Callable[[str], Iterable[str]] | None = None,
        entitlements: Entitlements | None = None,
    ) -> None:
        """`exempted` are the violations that exceptions exempt.

        `constraints` returns the constraints that could have denied a grant of a service, None if
        they are not known. `entitlements` are None if none is needed.
        """
        self._exceptions = _ExceptionsByPath(exempted)
        self._of_service = constraints
        self._entitlements = entitlements
        self._constraints: dict[str, tuple[str, ...]] = {}

    def of(self, workload: Workload, declarations: Sequence[GrantDeclaration]) -> Permission:
        """Return what permits the grant that `declarations` of `workload` make."""
        exceptions = self._exceptions.about(declarations)
        if self._of_service is None:
            return Permission(exceptions)
        service = workload.service
        if service not in self._constraints:
            self._constraints[service] = tuple(sorted(self._of_service(service)))
        covering = self._entitlements.covering if self._entitlements else _nothing
        return Permission(exceptions, covering(workload, declarations), self._constraints[service])


def _nothing(_workload: Workload, _declarations: Iterable[GrantDeclaration]) -> tuple[str, ...]:
    return ()


class _ExceptionsByPath:
    """The exceptions from denials, by the paths of the denials and by the paths above them."""

    def __init__(self, exempted: Iterable[Exempted]) -> None:
        self._at: dict[Path, set[str]] = {}
        self._below: dict[Path, set[str]] = {}
        for one in exempted:
            if one.enforcement_action == "deny":
                self._at.setdefault(one.path, set()).add(one.exception)
                for path in _and_above(one.path):
                    self._below.setdefault(path, set()).add(one.exception)

    def about(self, declarations: Iterable[GrantDeclaration]) -> tuple[str, ...]:
        """Return the exceptions from denials that are about one of `declarations`.

        A denial is about a declaration if its path is that of the declaration, below it or above.
        """
        found: set[str] = set()
        for declaration in declarations:
            found |= self._below.get(declaration.path, set())
            for path in _and_above(declaration.path):
                found |= self._at.get(path, set())
        return tuple(sorted(found))


def _and_above(path: Path) -> Iterator[Path]:
    """Yield `path` and the paths above it."""
    for length in range(len(path) + 1):
        yield path[:length]
