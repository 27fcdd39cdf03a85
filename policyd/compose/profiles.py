"""The profiles of a call of Compose, and which services they enable.

Source: compose-go types/project.go (WithProfiles, HasProfile); docker/compose v5
cmd/compose/compose.go for COMPOSE_PROFILES.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

ALL: Final = "*"
"""The profile name that enables everything."""


class Profiles(NamedTuple):
    """The profiles that are active.

    `for_evaluation` means that all profiles are active only so that every service is evaluated: no
    single call of Compose needs to start all of them.
    """

    names: frozenset[str]
    for_evaluation: bool = False

    def enables(self, own: Iterable[str]) -> bool:
        """Return whether a service or job with the profiles `own` is enabled."""
        return not own or ALL in self.names or not self.names.isdisjoint(own)

    def enabled(self, entries: Mapping[str, dict[str, Any]]) -> list[str]:
        """Return the names of the services or jobs among `entries` that are enabled."""
        return [name for name, entry in entries.items() if self.enables(entry.get("profiles", ()))]


def chosen_profiles(given: tuple[str, ...] | None, environment: Mapping[str, str]) -> Profiles:
    """Return the profiles that are active.

    `given` are those of the caller: None leaves the choice to COMPOSE_PROFILES in `environment`,
    and an empty tuple activates all of them for evaluation.
    """
    if given is None:
        names = environment.get("COMPOSE_PROFILES", "").split(",")
        return Profiles(frozenset(name.strip() for name in names))
    return Profiles(frozenset(given)) if given else Profiles(frozenset((ALL,)), True)
