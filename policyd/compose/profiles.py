"""The profiles of a call of Compose, and which services they enable.

Source: compose-go types/project.go (WithProfiles, HasProfile); docker/compose v5
cmd/compose/compose.go for COMPOSE_PROFILES.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

ALL: Final = "*"
"""The profile name that enables everything."""


class Profiles(msgspec.Struct, frozen=True):
    """The profiles that are active.

    `for_evaluation` means that all profiles are active only so that every service is evaluated: no
    single call of Compose needs to start all of them. `requested` are the profiles that the caller
    or COMPOSE_PROFILES names: those are active together.
    """

    names: frozenset[str]
    for_evaluation: bool = False
    requested: tuple[str, ...] = ()

    def enables(self, own: Iterable[str]) -> bool:
        """Return whether a service or job with the profiles `own` is enabled."""
        return not own or ALL in self.names or not self.names.isdisjoint(own)

    def enabled(self, entries: Mapping[str, dict[str, Any]]) -> list[str]:
        """Return the names of the services or jobs among `entries` that are enabled."""
        return [name for name, entry in entries.items() if self.enables(entry.get("profiles", ()))]


def chosen_profiles(given: tuple[str, ...] | None, environment: Mapping[str, str]) -> Profiles:
    """Return the profiles that are active.

    `given` are those of the caller: None leaves the choice to COMPOSE_PROFILES in `environment`,
    and an empty tuple activates all of them for evaluation. A caller that gives ALL wants to see
    every service, so this says nothing of the profiles that are active together.
    """
    names = {name.strip() for name in environment.get("COMPOSE_PROFILES", "").split(",")}
    requested = tuple(sorted((names | set(given or ()) - {ALL}) - {""}))
    if given is None:
        return Profiles(frozenset(names), requested=requested)
    active = frozenset(given) or frozenset((ALL,))
    return Profiles(active, for_evaluation=not given, requested=requested)
