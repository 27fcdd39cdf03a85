"""Say whether a constraint is for a review: selectors, and the globs in them.

In: a Selector and the Subject of a review. Out: each field beside what the review says of it, and
"" when the selector holds, else why not. `*` stands for any text without a slash, `**` for any
text. Time is bounded by the lengths of glob and text multiplied: nothing goes back and tries again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from policyd.model import Path, Review

Subject = Mapping[str, tuple[str, ...]]
"""What a review is about, by field of a selector. No value, or "" alone, means unknown."""

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
"""Fields that the author of a project does not choose: without one, anyone could let himself in."""


class Selector(msgspec.Struct, frozen=True, rename="camel"):
    """Globs by field. A field without globs says nothing."""

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
        """Return the globs of the fields that have some, but for those about a finding."""
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
    """Return what `review` of the project named `project` is about."""
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
    """A field of a selector beside what a review says of it.

    `values` is empty when the review leaves the field unknown; `matched` is the first of them that
    a glob matches, "" when none does.
    """

    field: str
    globs: tuple[str, ...]
    values: tuple[str, ...]
    matched: str

    @property
    def differs(self) -> bool:
        """Whether the field is known, and none of the globs matches it."""
        return bool(self.values) and not self.matched

    def __str__(self) -> str:
        verb = "is one of" if self.matched else "is none of"
        said = self.matched or ", ".join(self.values) or "unknown"
        return f"{said} {verb} {', '.join(self.globs)}"


def compared(selector: Selector, about: Subject) -> Iterator[Comparison]:
    """Yield each field of `selector`, but for those about a finding, beside that of `about`."""
    for field, globs in selector.globs().items():
        values = tuple(value for value in about[field] if value)
        matched = next((value for value in values if matches_any(globs, value)), "")
        yield Comparison(field, globs, values, matched)


def why_not_matched(selector: Selector, about: Subject) -> str:
    """Return "" when `selector` selects `about`, else the field that rules it out.

    A field that is unknown rules nothing out.
    """
    return next((f"{one.field}: {one}" for one in compared(selector, about) if one.differs), "")


def why_not_granted(selector: Selector, about: Subject) -> str:
    """Return "" when `selector`, of an exception, is for `about`, else the field that is not.

    A field that is unknown is not.
    """
    return next((f"{one.field}: {one}" for one in compared(selector, about) if not one.matched), "")


def covers(selector: Selector, service: str, path: Path) -> bool:
    """Say whether `selector` is for a finding of `service` at the model path `path`.

    Globs of `paths` are matched with the path written as services/train/gpus/0.
    """
    if selector.services and not (service and matches_any(selector.services, service)):
        return False
    return not selector.paths or matches_any(selector.paths, "/".join(map(str, path)))


def why_excluded(selector: Selector, about: Subject) -> str:
    """Return "" when `selector` does not exclude `about`, else what does.

    All of its fields must match; a field that is unknown does not.
    """
    reasons = []
    for one in compared(selector, about):
        if not one.matched:
            return ""
        reasons.append(f"{one.field}: {one.matched}")
    return ", ".join(reasons)


def why_not_for(match: Selector, exclude: Selector, about: Subject) -> str:
    """Return "" when a constraint that matches and excludes so is for `about`, else why not."""
    excluded = why_excluded(exclude, about)
    return why_not_matched(match, about) or (excluded and f"excluded: {excluded}")


def matches_any(globs: Iterable[str], text: str) -> bool:
    """Say whether one of `globs` matches the whole of `text`."""
    return any(matches(glob, text) for glob in globs)


def matches(glob: str, text: str) -> bool:
    """Say whether `glob` matches the whole of `text`."""
    if "*" not in glob:
        return glob == text
    parts = _parts(glob)
    last = len(parts)
    reached = _past_stars(parts, {0})
    for character in text:
        after = set()
        for place in reached:
            part = parts[place] if place < last else ""
            if part == "**" or (part == "*" and character != "/"):
                after.add(place)
            elif part == character:
                after.add(place + 1)
        reached = _past_stars(parts, after)
        if not reached:
            return False
    return last in reached


def _parts(glob: str) -> list[str]:
    parts: list[str] = []
    for character in glob:
        if character == "*" and parts and parts[-1].startswith("*"):
            parts[-1] = "**"
        else:
            parts.append(character)
    return parts


def _past_stars(parts: list[str], places: set[int]) -> set[int]:
    """Return `places` and those behind the stars that begin there: a star may stand for nothing."""
    found = set(places)
    for place in places:
        while place < len(parts) and parts[place].startswith("*"):
            place += 1
            found.add(place)
    return found
