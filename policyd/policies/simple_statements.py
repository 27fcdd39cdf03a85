"""Evaluate the simple statements at the beginning of a rule, without an engine.

In: a body that `simple_reader` has compiled; the input document. Out: whether its statements hold
for any values of their variables. In doubt they may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from policyd.policies.rego_values import Doubt, RegoSet, below_all, different, items, values
from policyd.policy_input import PolicyInput

EFFORT: Final = 20_000
EFFORT_FOR_WORKLOAD: Final = 2_000
"""Steps for one review, and for each of its workloads: entries of collections, calls, and texts.

An untrusted project determines how many steps there are. An engine with a time limit evaluates the
policies that exceed this limit. All built-in policies together need a quarter of it.
"""

Function = Callable[..., Any]
"""Returns the value of a rule, or of a function for arguments; the first one is the Scope."""


CHARACTERS: Final = 100
"""Characters of a text for one step of the effort of a review."""

_SIZED: Final[frozenset[type]] = frozenset((tuple, list, dict, RegoSet))


class Column(NamedTuple):
    """The values of one field of all workloads, or of what their field `of` lists.

    With `field` "", the listed values themselves.
    """

    of: str
    field: str


class Scope:
    """The input document, and the values of rules and columns, each evaluated once."""

    def __init__(self, document: PolicyInput) -> None:
        self.document = document
        self._columns: dict[Column, list[Any]] = {}
        self._rules: dict[Function, Any] = {}
        self.effort = EFFORT + EFFORT_FOR_WORKLOAD * len(document.workloads)

    def column(self, column: Column) -> list[Any]:
        """Return the different values of `column`. Raises Doubt."""
        if column not in self._columns:
            self._columns[column] = self._values(column)
        return self._columns[column]

    def rule(self, rule: Function) -> Any:
        """Return the value of a rule without arguments. Raises Doubt."""
        if rule not in self._rules:
            self._rules[rule] = rule(self)
        return self._rules[rule]

    def values(self, collection: Any) -> Iterator[Any]:
        """Return the values of `collection`. Raises Doubt, also when there were too many."""
        return values(self.counted(collection))

    def items(self, collection: Any) -> Iterator[tuple[Any, Any]]:
        """Return keys and values of a list or an object. Raises Doubt, also for a set."""
        if isinstance(collection, RegoSet):
            raise Doubt
        return items(self.counted(collection))

    def counted(self, value: Any) -> Any:
        """Return `value`, which a call has made or looks through, and count a step for each part.

        Raises Doubt when there were too many steps.
        """
        kind = type(value)
        if kind is str:
            self.effort -= 1 + len(value) // CHARACTERS
        else:
            self.effort -= 1 + (len(value) if kind in _SIZED else 0)
        if self.effort < 0:
            raise Doubt
        return value

    def _values(self, column: Column) -> list[Any]:
        owners: Sequence[Any] = self.document.workloads
        if not column.field:
            listed = below_all(owners, column.of)
            return [item for each in listed for _, item in items(each)]
        if column.of:
            owners = self.column(Column(column.of, ""))
        return different(below_all(owners, column.field))


class Condition(NamedTuple):
    """What a statement needs, and what takes little time to look up.

    A loop needs values in its `column`, or in its `collection`. A test needs a value in its
    `column` for which `holds` returns true.
    """

    column: Column | None = None
    holds: Callable[[Any], bool] | None = None
    collection: Function | None = None

    def may_hold(self, scope: Scope) -> bool:
        """Return whether the statement may hold. Raises Doubt."""
        if self.collection is not None:
            return any(True for _ in values(self.collection(scope)))
        assert self.column is not None
        found = scope.column(self.column)
        return any(map(self.holds, found)) if self.holds else bool(found)


class Body:
    """The simple statements at the beginning of a body, and conditions that are necessary.

    `report` returns what the body adds to its rule. Without `is_whole`, where not all statements or
    not the value are simple, it returns something if the simple statements hold.
    """

    def __init__(
        self, conditions: Sequence[Condition], report: Function, *, is_whole: bool
    ) -> None:
        self._conditions: Final = tuple(conditions)
        self._report: Final = report
        self._is_whole: Final = is_whole

    def values(self, scope: Scope) -> Sequence[Any]:
        """Return the values that the body adds to its rule. Raises Doubt."""
        if not all(each.may_hold(scope) for each in self._conditions):
            return ()
        found: Sequence[Any] = self._report(scope)
        if found and not self._is_whole:
            raise Doubt
        return found
