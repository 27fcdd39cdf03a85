"""The version of Compose that errors name is the one that the project states."""

from __future__ import annotations

from policyd.compose_version import COMPOSE_GO_VERSION, COMPOSE_VERSION
from tests.support.compose_projects import refusal


def test_an_unknown_key_names_the_version_that_is_followed() -> None:
    assert refusal("services:\n  web: {image: x, brand_new: 1}\n") == (
        "compose.yaml:2:30: services.web: the key 'brand_new' is not known to Compose 5.7.1, which "
        "this version of policyd follows"
    )


def test_versions_are_releases() -> None:
    assert (COMPOSE_VERSION, COMPOSE_GO_VERSION) == ("5.7.1", "2.16.2")
