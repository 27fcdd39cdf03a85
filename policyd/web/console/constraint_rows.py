"""The constraints of a policy as rows of a page: where it is in force, and what it does there.

In: constraints as JSON, what the reader may see. Out: rows. A constraint that can only apply to
places which the reader may not see is left out, and so are the globs for such places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from policyd.audit.visibility import Visibility
from policyd.web.console.selectors import visible_globs


class ConstraintRow(NamedTuple):
    """A constraint in words: its actions by enforcement point, what it selects and excludes."""

    name: str
    actions: Mapping[str, str]
    match: list[str]
    exclude: list[str]
    parameters: str
    lease: str


def constraint_rows(
    constraints: Iterable[Mapping[str, Any]], policy_id: str, visibility: Visibility
) -> list[ConstraintRow]:
    """Return a row for each of the `constraints` of a policy that `visibility` shows."""
    return list(_rows((one for one in constraints if one["policy"] == policy_id), visibility))


def _rows(
    constraints: Iterable[Mapping[str, Any]], visibility: Visibility
) -> Iterator[ConstraintRow]:
    for one in constraints:
        match = visible_globs(one.get("match", {}), visibility)
        if match is None:
            continue
        parameters = one.get("parameters")
        yield ConstraintRow(
            name=str(one["name"]),
            actions=one["actions"],
            match=_words(match),
            exclude=_words(_excluded(one.get("exclude", {}), visibility)),
            parameters=msgspec.json.encode(parameters).decode() if parameters else "",
            lease=str(one.get("maxLease") or ""),
        )


def _excluded(
    exclude: Mapping[str, Sequence[str]], visibility: Visibility
) -> dict[str, Sequence[str]]:
    """Return the globs of `exclude` that can match visible places, of each field for itself."""
    found: dict[str, Sequence[str]] = {}
    for field, globs in exclude.items():
        found |= visible_globs({field: globs}, visibility) or {}
    return found


def _words(match: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{field}: {', '.join(globs)}" for field, globs in match.items()]
