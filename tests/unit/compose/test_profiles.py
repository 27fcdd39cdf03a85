"""Profiles enable services as they do in Compose, or all of them for evaluation."""

from __future__ import annotations

from policyd.compose.profiles import Profiles, chosen_profiles
from tests.support.cases import cases

SERVICES = {"web": {}, "db": {"profiles": ["data"]}, "gpu": {"profiles": ["train", "data"]}}


@cases(
    ("given", "variable", "enabled"),
    [
        (None, "", ["web"]),
        (None, "data", ["web", "db", "gpu"]),
        (None, " train , other", ["web", "gpu"]),
        (None, "*", ["web", "db", "gpu"]),
        (("train",), "data", ["web", "gpu"]),
        (("*",), "", ["web", "db", "gpu"]),
        ((), "", ["web", "db", "gpu"]),
    ],
)
def test_chosen_profiles_enable(
    given: tuple[str, ...] | None, variable: str, enabled: list[str]
) -> None:
    profiles = chosen_profiles(given, {"COMPOSE_PROFILES": variable})

    assert profiles.enabled(SERVICES) == enabled


def test_only_an_empty_choice_is_for_evaluation() -> None:
    assert chosen_profiles((), {}) == Profiles(frozenset(("*",)), for_evaluation=True)
    assert chosen_profiles(("*",), {}) == Profiles(frozenset(("*",)), for_evaluation=False)
    assert chosen_profiles(None, {}) == Profiles(frozenset(("",)), for_evaluation=False)
