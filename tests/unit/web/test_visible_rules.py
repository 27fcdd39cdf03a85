from __future__ import annotations

import msgspec

from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.model import Location
from policyd.policies.manifests import Constraint
from policyd.policies.matching import Selector
from policyd.web.visible_rules import visible_constraint, visible_policy_set, visible_selector
from tests.support.cases import cases

OWN = Visibility(("ml/**",), ("**",), ("gpu-*",))
BOTH = {"repositories": ["bank/*", "ml/train"]}


@cases(
    ("globs", "visibility", "shown"),
    [
        ({}, OWN, ({}, (), False)),
        ({"repositories": ["other/*"]}, EVERYTHING, ({"repositories": ["other/*"]}, (), False)),
        (BOTH, OWN, ({"repositories": ["ml/train"]}, (), True)),
        ({"repositories": ["**"]}, OWN, ({"repositories": ["**"]}, (), False)),
        ({"repositories": ["*/train"]}, OWN, ({"repositories": ["*/train"]}, (), False)),
        ({"hosts": ["*-1", "cpu-*"]}, OWN, ({"hosts": ["*-1"]}, (), True)),
        ({"repositories": ["other/*"]}, OWN, None),
        ({"repositories": ["ml/*"], "hosts": ["cpu-1"]}, OWN, None),
        (
            {"repositories": [], "environments": ["prod"]},
            OWN,
            ({"environments": ["prod"]}, (), False),
        ),
        ({"users": ["ana"]}, OWN, ({"users": ["ana"]}, (), False)),
        ({"hosts": ["gpu-1"]}, Visibility(()), ({"hosts": ["gpu-1"]}, (), False)),
        ({"repositories": ["ml/*"]}, Visibility(()), None),
        (
            {**BOTH, "users": ["ana"], "operations": ["UP"], "paths": ["services/vault/**"]},
            OWN,
            ({"repositories": ["ml/train"], "operations": ["UP"]}, ("users", "paths"), True),
        ),
        (
            {**BOTH, "users": ["ana"]},
            EVERYTHING,
            ({"repositories": ["bank/*", "ml/train"], "users": ["ana"]}, (), False),
        ),
    ],
)
def test_only_what_concerns_visible_places_is_shown(globs, visibility, shown) -> None:
    assert visible_selector(globs, visibility) == shown


def constraint(name: str, **fields: object) -> Constraint:
    given = {
        "policy": "no-a",
        "actions": {"default": "deny"},
        "match": Selector(),
        "exclude": Selector(),
        "parameters": {"allowed": ["/srv/bank"]},
        "labels": {"team": "bank"},
        "location": Location("set.yaml"),
        **fields,
    }
    return Constraint(name=name, **given)


def shown(found: Constraint, visibility: Visibility) -> dict[str, object] | None:
    given = msgspec.to_builtins(found)
    plain = visible_constraint(given, visibility)
    if plain is None:
        return None
    selectors = {
        key: {field: globs for field, globs in plain[key].items() if globs}
        for key in ("match", "exclude")
    }
    assert {**plain, "match": 0, "exclude": 0, "hidden": 0}.keys() == {*given, "hidden"}
    assert [*plain["match"]] == [*given["match"]]
    return {**selectors, **{key: plain[key] for key in ("parameters", "labels", "hidden")}}


def test_parameters_of_a_constraint_that_names_other_places_are_hidden() -> None:
    match = Selector(repositories=("bank/*", "ml/train"), projects=("vault",))
    found = constraint("both", match=match)

    assert shown(found, OWN) == {
        "match": {"repositories": ["ml/train"]},
        "exclude": {},
        "parameters": {},
        "labels": {},
        "hidden": ["match.projects", "parameters", "labels"],
    }
    assert shown(found, EVERYTHING) == {
        "match": {"repositories": ("bank/*", "ml/train"), "projects": ("vault",)},
        "exclude": {},
        "parameters": {"allowed": ["/srv/bank"]},
        "labels": {"team": "bank"},
        "hidden": [],
    }


def test_parameters_of_a_constraint_that_names_no_other_place_are_shown() -> None:
    exclude = Selector(repositories=("bank/*",), projects=("vault",))
    for match in (Selector(), Selector(repositories=("ml/*",), users=("ana",))):
        found = shown(constraint("all", match=match, exclude=exclude), OWN)

        assert found is not None
        assert found["exclude"] == {}
        assert found["parameters"] == {"allowed": ["/srv/bank"]}
        assert found["labels"] == {"team": "bank"}
        assert found["hidden"] == []


def test_what_a_constraint_excludes_is_shown_for_visible_places() -> None:
    exclude = Selector(repositories=("bank/*", "ml/old"), projects=("vault",))
    found = shown(constraint("all", exclude=exclude), OWN)

    assert found is not None
    assert found["exclude"] == {"repositories": ["ml/old"]}
    assert found["hidden"] == ["exclude.projects"]


def test_a_constraint_for_other_places_only_is_left_out(services) -> None:
    others = constraint("others", match=Selector(repositories=("bank/*",)))
    own = constraint("own", match=Selector(repositories=("bank/*", "ml/*")))
    policy_set = msgspec.structs.replace(services.policy_set, constraints=(others, own))

    assert shown(others, OWN) is None
    assert visible_policy_set(policy_set, OWN).constraints == (own,)
    assert visible_policy_set(policy_set, EVERYTHING) == policy_set
