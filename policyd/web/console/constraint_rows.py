"""The constraints of a policy as rows of a page: where it is in force, and what it does there.

In: constraints as JSON, what the reader may see. Out: rows. What concerns only places which the
reader may not see is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from policyd.audit.visibility import Visibility
from policyd.web.visible_rules import HIDDEN, visible_constraint


class ConstraintRow(NamedTuple):
    """A constraint in words: its actions by enforcement point, what it selects and excludes.

    `hidden` says why the parameters are not shown.
    """

    name: str
    actions: Mapping[str, str]
    match: list[str]
    exclude: list[str]
    parameters: str
    lease: str
    hidden: str = ""


def constraint_rows(
    constraints: Iterable[Mapping[str, Any]], policy_id: str, visibility: Visibility
) -> list[ConstraintRow]:
    """Return a row for each of the `constraints` of a policy that `visibility` shows."""
    return list(_rows((one for one in constraints if one["policy"] == policy_id), visibility))


def _rows(
    constraints: Iterable[Mapping[str, Any]], visibility: Visibility
) -> Iterator[ConstraintRow]:
    for constraint in constraints:
        one = visible_constraint(constraint, visibility)
        if one is None:
            continue
        parameters = one.get("parameters")
        text = msgspec.json.encode(parameters).decode() if parameters else ""
        yield ConstraintRow(
            name=str(one["name"]),
            actions=one["actions"],
            match=_words(one, "match"),
            exclude=_words(one, "exclude"),
            parameters=text,
            lease=str(one.get("maxLease") or ""),
            hidden=HIDDEN if "parameters" in one["hidden"] else "",
        )


def _words(constraint: Mapping[str, Any], key: str) -> list[str]:
    return [
        f"{field}: {HIDDEN if f'{key}.{field}' in constraint['hidden'] else ', '.join(globs)}"
        for field, globs in constraint[key].items()
        if globs or f"{key}.{field}" in constraint["hidden"]
    ]
