"""What a reader may see of constraints and of the selectors of exceptions.

In: a constraint as JSON, or the globs of a selector by field; what the reader may see. Out: what
concerns places which the reader may see, and what is hidden. A constraint or an exception that also
names other places may have their projects, users and paths in other fields: these are hidden. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from policyd.audit.visibility import ALL, Visibility
from policyd.policies.matching import overlap
from policyd.policies.policy_set import PolicySet

HIDDEN: Final = "hidden, because it also names places that you may not see"
"""What a page shows in the place of a field that a reader may not see."""
_FREE: Final = ("projects", "users", "groups", "services", "paths")
"""The fields of a selector that can name what belongs to a place."""
_CONTENT: Final = ("parameters", "labels")
"""What else of a constraint can name what belongs to a place."""


class VisibleSelector(NamedTuple):
    """The non-empty globs by field, the fields that are hidden, and whether others are named."""

    globs: dict[str, Sequence[str]]
    hidden: tuple[str, ...] = ()
    names_others: bool = False


def visible_selector(
    globs: Mapping[str, Sequence[str]], visibility: Visibility
) -> VisibleSelector | None:
    """Return what `visibility` shows of a selector with `globs`.

    Returns None if the selector can only match places that are not visible. A field without globs
    matches all.
    """
    found = {field: names for field, names in globs.items() if names}
    names_others = False
    for field, visible in visibility._asdict().items():
        if field in found and ALL not in visible:
            own = [glob for glob in found[field] if any(overlap(glob, one) for one in visible)]
            names_others |= len(own) < len(found[field])
            found[field] = own
    if not all(found.values()):
        return None
    hidden = tuple(field for field in _FREE if names_others and field in found)
    shown = {field: names for field, names in found.items() if field not in hidden}
    return VisibleSelector(shown, hidden, names_others)


def visible_constraint(
    constraint: Mapping[str, Any], visibility: Visibility
) -> dict[str, Any] | None:
    """Return what `visibility` shows of `constraint`; None if it only applies to other places.

    `hidden` has the names of the keys, as in match.users, that are empty because they are hidden.
    """
    match = visible_selector(constraint.get("match", {}), visibility)
    if match is None:
        return None
    given = constraint.get("exclude", {})
    exclude = visible_selector(given, visibility) or VisibleSelector({})
    content = [key for key in _CONTENT if match.names_others and constraint.get(key)]
    return {
        **constraint,
        "match": _filled(constraint.get("match", {}), match),
        "exclude": _filled(given, exclude),
        **{key: {} for key in content},
        "hidden": [
            *(f"match.{field}" for field in match.hidden),
            *(f"exclude.{field}" for field in exclude.hidden),
            *content,
        ],
    }


def visible_policy_set(policy_set: PolicySet, visibility: Visibility) -> PolicySet:
    """Return `policy_set` with the constraints that can apply to what `visibility` shows."""
    own = tuple(
        one
        for one in policy_set.constraints
        if visible_selector(msgspec.to_builtins(one.match), visibility) is not None
    )
    return msgspec.structs.replace(policy_set, constraints=own)


def _filled(given: Mapping[str, Sequence[str]], shown: VisibleSelector) -> dict[str, Sequence[str]]:
    """Return the globs that are `shown`, with no globs in the other fields that are `given`."""
    return {field: shown.globs.get(field, []) for field in given}
