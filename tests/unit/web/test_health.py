from __future__ import annotations

import pytest

from policyd.engines import EMPTY_INPUT
from policyd.errors import EngineError, OtherRevision
from policyd.model import Findings, PolicySetRevision
from policyd.services import LoadStatus, Services
from policyd.web.app import create_app


class Engine:
    """Answers a probe with `error`, if there is one."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def findings(self, review_input: bytes) -> Findings:
        assert review_input == EMPTY_INPUT
        if self.error:
            raise self.error
        return Findings(())


class Stand:
    """What Rules give of one policy set."""

    def __init__(self, policy_set, error: Exception | None = None) -> None:
        self.policy_set = policy_set
        self.engine = Engine(error)


class Rules:
    def __init__(self, *stands: Stand, problem: str = "") -> None:
        self._stands = stands
        self._problem = problem

    def admissions(self):
        return self._stands

    def status(self) -> LoadStatus:
        return LoadStatus(problem=self._problem)


class PolicySet:
    def __init__(self, revision: str) -> None:
        self.name = "acme"
        self.revision = revision
        self.reference = PolicySetRevision("acme", revision)


@pytest.fixture
def ready(services):
    """A function that asks /readyz of a webhook with these rules."""

    def ask(rules):
        app = create_app(Services(services.settings, rules, services.store))
        return app.test_client().get("/readyz")

    return ask


def test_it_is_ready_and_says_by_which_rules(client, services):
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json == {
        "apiVersion": "policyd/v1",
        "kind": "Health",
        "status": "ok",
        "policySet": {
            "name": services.policy_set.name,
            "revision": services.policy_set.revision,
        },
        "warnings": [],
    }


def test_a_policy_set_that_was_refused_is_a_warning(ready):
    response = ready(Rules(Stand(PolicySet("one")), problem="acme.yaml:2:1: it is wrong"))

    assert response.status_code == 200
    assert response.json["policySet"] == {"name": "acme", "revision": "one"}
    assert response.json["warnings"] == [
        "the changed policy set was refused: acme.yaml:2:1: it is wrong"
    ]


def test_an_engine_that_cannot_answer_is_not_ready(ready):
    response = ready(Rules(Stand(PolicySet("one"), EngineError("no connection"))))

    assert (response.status_code, response.json["reason"]) == (503, "ServiceUnavailable")
    assert response.json["message"] == "no connection"


def test_an_engine_that_has_not_followed_yet_is_ready_with_a_warning(ready):
    response = ready(
        Rules(Stand(PolicySet("two"), OtherRevision("it holds one")), Stand(PolicySet("one")))
    )

    assert response.status_code == 200
    assert response.json["warnings"] == [
        "the engine does not hold the policy set two yet; one decides until then"
    ]


def test_an_engine_that_holds_something_else_is_not_ready(ready):
    response = ready(
        Rules(
            Stand(PolicySet("two"), OtherRevision("it holds zero, not two")),
            Stand(PolicySet("one"), OtherRevision("it holds zero, not one")),
        )
    )

    assert (response.status_code, response.json["message"]) == (503, "it holds zero, not two")
