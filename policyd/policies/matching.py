"""Match the selectors of constraints and exceptions, with their globs, against a review.

In: a Selector and the Subject of a review. Out: the comparison of each field, and "" when the
selector matches, else the reason why not. `*` matches any text without a slash, `**` any text.
The time is at most proportional to the length of the glob times the length of the text: there is no
backtracking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from policyd.model import Path, Review

Subject = Mapping[str, tuple[str, ...]]
"""The values of a review by selector field. No value, or only "", means unknown."""

SELECTOR_KEYS: Final = (
    "repositories",
    "projects",
    "environments",
    "hosts",
    "users",
    "groups",
    "services",
    "operations",
    "enforcementPoints",
)


EXCEPTION_KEYS: Final = (*SELECTOR_KEYS, "paths")

IDENTIFYING_KEYS: Final = (
    "repositories",
    "environments",
    "hosts",
    "users",
    "groups",
    "enforcementPoints",
)
"""Fields that the author of a project does not control.

A selector without any of them would let the author choose whether it matches.
"""


class Selector(msgspec.Struct, frozen=True, rename="camel"):
    """Globs by field. A field without globs matches everything."""

    repositories: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    enforcement_points: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def globs(self) -> dict[str, tuple[str, ...]]:
        """Return the globs of the non-empty fields that select reviews, not violations."""
        fields = {
            "repositories": self.repositories,
            "projects": self.projects,
            "environments": self.environments,
            "hosts": self.hosts,
            "users": self.users,
            "groups": self.groups,
            "operations": self.operations,
            "enforcementPoints": self.enforcement_points,
        }
        return {field: globs for field, globs in fields.items() if globs}


def subject(review: Review, project: str) -> Subject:
    """Return the values of `review`, of the project named `project`, by selector field."""
    return {
        "repositories": (review.source.repository,),
        "projects": (project,),
        "environments": (review.source.environment,),
        "hosts": (review.source.host,),
        "users": (review.user_info.username,),
        "groups": review.user_info.groups,
        "operations": (review.operation,),
        "enforcementPoints": (review.enforcement_point,),
    }


class Comparison(msgspec.Struct, frozen=True):
    """A field of a selector compared with the values of a review.

    `values` is empty when the review does not have the field; `matched` is the first value that
    a glob matches, or "" when no value matches.
    """

    field: str
    globs: tuple[str, ...]
    values: tuple[str, ...]
    matched: str

    @property
    def differs(self) -> bool:
        """Return whether the review has the field, and no glob matches it."""
        return bool(self.values) and not self.matched

    def __str__(self) -> str:
        verb = "matches" if self.matched else "matches none of"
        said = self.matched or ", ".join(self.values) or "unknown"
        return f"{said} {verb} {', '.join(self.globs)}"


def compared(selector: Selector, about: Subject) -> Iterator[Comparison]:
    """Yield the comparison of each field of `selector` that selects reviews with `about`."""
    for field, globs in selector.globs().items():
        values = tuple(value for value in about[field] if value)
        matched = next((value for value in values if matches_any(globs, value)), "")
        yield Comparison(field, globs, values, matched)


def why_not_matched(selector: Selector, about: Subject) -> str:
    """Return "" when `selector` matches `about`, else the first field that does not match.

    An unknown field matches: a constraint stays in force when in doubt.
    """
    return next((f"{one.field}: {one}" for one in compared(selector, about) if one.differs), "")


def why_not_granted(selector: Selector, about: Subject) -> str:
    """Return "" when `selector`, of an exception, matches `about`, else the field that does not.

    An unknown field does not match: an exception does not apply when in doubt.
    """
    return next((f"{one.field}: {one}" for one in compared(selector, about) if not one.matched), "")


def covers(selector: Selector, service: str, path: Path) -> bool:
    """Return whether `selector` matches a violation of `service` at the model path `path`.

    Globs of `paths` match the path in the form services/train/gpus/0.
    """
    if selector.services and not (service and matches_any(selector.services, service)):
        return False
    return not selector.paths or matches_any(selector.paths, "/".join(map(str, path)))


def why_excluded(selector: Selector, about: Subject) -> str:
    """Return "" when `selector` does not exclude `about`, else the matches that exclude it.

    All fields must match. An unknown field does not match.
    """
    reasons = []
    for one in compared(selector, about):
        if not one.matched:
            return ""
        reasons.append(f"{one.field}: {one.matched}")
    return ", ".join(reasons)


def why_not_for(match: Selector, exclude: Selector, about: Subject) -> str:
    """Return "" when a constraint with these selectors applies to `about`, else the reason."""
    excluded = why_excluded(exclude, about)
    return why_not_matched(match, about) or (excluded and f"excluded: {excluded}")


def matches_any(globs: Iterable[str], text: str) -> bool:
    """Return whether one of `globs` matches the whole of `text`."""
    return any(matches(glob, text) for glob in globs)


def matches(glob: str, text: str) -> bool:
    """Return whether `glob` matches the whole of `text`."""
    if "*" not in glob:
        return glob == text
    found = parts(glob)
    last = len(found)
    reached = _past_stars(found, {0})
    for character in text:
        after = set()
        for place in reached:
            part = found[place] if place < last else ""
            if part == "**" or (part == "*" and character != "/"):
                after.add(place)
            elif part == character:
                after.add(place + 1)
        reached = _past_stars(found, after)
        if not reached:
            return False
    return last in reached


def overlap(one: str, other: str) -> bool:
    """Return whether both globs match some text; the time is that of `matches`."""
    first, second = parts(one), parts(other)
    pending, seen = [(0, 0)], {(0, 0)}
    while pending:
        place = pending.pop()
        if place == (len(first), len(second)):
            return True
        found = set(_following(first, second, *place)) - seen
        seen |= found
        pending += found
    return False


def _following(
    first: list[str], second: list[str], here: int, there: int
) -> Iterator[tuple[int, int]]:
    """Yield the places of both globs after a character that both match, or after a star."""
    mine = first[here] if here < len(first) else ""
    theirs = second[there] if there < len(second) else ""
    if mine.startswith("*"):
        yield here + 1, there
    if theirs.startswith("*"):
        yield here, there + 1
    if mine == "**" or (mine == "*" and theirs != "/"):
        yield from [(here, there + 1)] if theirs else []
    elif theirs == "**" or (theirs == "*" and mine != "/"):
        yield from [(here + 1, there)] if mine else []
    elif mine and mine == theirs:
        yield here + 1, there + 1


def parts(glob: str) -> list[str]:
    """Return the characters and stars of `glob`: several stars in a row are `**`."""
    found: list[str] = []
    for character in glob:
        if character == "*" and found and found[-1].startswith("*"):
            found[-1] = "**"
        else:
            found.append(character)
    return found


def _past_stars(glob: list[str], places: set[int]) -> set[int]:
    """Return `places` and the places after stars that begin there: a star may match nothing."""
    found = set(places)
    for place in places:
        while place < len(glob) and glob[place].startswith("*"):
            place += 1
            found.add(place)
    return found
