from __future__ import annotations

from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.web.console.selectors import visible_globs
from tests.support.cases import cases

OWN = Visibility(("ml/**",), ("**",), ("gpu-*",))


@cases(
    ("globs", "visibility", "shown"),
    [
        ({}, OWN, {}),
        ({"repositories": ["other/*"]}, EVERYTHING, {"repositories": ["other/*"]}),
        ({"repositories": ["other/*", "ml/train"]}, OWN, {"repositories": ["ml/train"]}),
        ({"repositories": ["**"]}, OWN, {"repositories": ["**"]}),
        ({"repositories": ["other/*"]}, OWN, None),
        ({"repositories": ["ml/*"], "hosts": ["cpu-1"]}, OWN, None),
        ({"repositories": [], "environments": ["prod"]}, OWN, {"environments": ["prod"]}),
        ({"users": ["ana"]}, OWN, {"users": ["ana"]}),
        ({"hosts": ["gpu-1"]}, Visibility(()), {"hosts": ["gpu-1"]}),
        ({"repositories": ["ml/*"]}, Visibility(()), None),
    ],
)
def test_only_globs_for_visible_places_are_shown(globs, visibility, shown) -> None:
    assert visible_globs(globs, visibility) == shown
