from __future__ import annotations

from policyd.audit.token_record import Permissions
from policyd.config import Settings, Token
from policyd.errors import WebhookUnavailable
from policyd.failure_policies import failure_policy, ignores_failures, unrecorded
from policyd.issuer_settings import Issuer
from policyd.web.access import stored_token
from tests.support.cases import cases

AT_CI = Settings(failure_policies={"ci": "Ignore"})


def client(policy: str = "") -> Token:
    return Token(owner="ci", sha256="0" * 64, failure_policy=policy)


@cases(
    ("settings", "own", "enforcement_point", "policy"),
    [
        (Settings(), "", "ci", "Fail"),
        (Settings(), "Ignore", "webhook", "Ignore"),
        (AT_CI, "", "ci", "Ignore"),
        (AT_CI, "", "webhook", "Fail"),
        (AT_CI, "Fail", "ci", "Fail"),
    ],
)
def test_the_policy_of_the_client_precedes_that_of_its_enforcement_point(
    settings, own, enforcement_point, policy
):
    assert failure_policy(settings, client(own), enforcement_point) == policy


def test_settings_ignore_failures_if_one_of_their_policies_does():
    issuer = Issuer(
        issuer="https://a",
        audience="b",
        kind="gitlab",
        repositories=("c",),
        failure_policy="Ignore",
    )

    assert not ignores_failures(Settings(tokens={"a": client("Fail")}))
    assert not ignores_failures(Settings(failure_policies={"ci": "Fail"}))
    assert ignores_failures(AT_CI)
    assert ignores_failures(Settings(tokens={"a": client(), "b": client("Ignore")}))
    assert ignores_failures(Settings(issuers={"a": issuer}))


def test_a_client_that_ignores_a_failure_allows_with_a_warning():
    decision = unrecorded("u-1", WebhookUnavailable("policyd.example cannot be reached"))

    assert (decision.uid, decision.allowed) == ("u-1", True)
    assert decision.status.reason == "FailureIgnored"
    assert decision.warnings == (
        "no policy was evaluated, and nothing is recorded: policyd.example cannot be reached",
    )
    assert decision.audit_annotations == {
        "failurePolicy": "Ignore",
        "failure": "WebhookUnavailable",
    }


def test_a_token_in_the_database_has_a_failure_policy_of_its_own():
    settings = Settings(failure_policies={"ci": "Ignore", "webhook": "Fail"})
    limits = {"owner": "ci", "scopes": ("review",), "enforcement_point": "webhook"}
    of_point = stored_token(Permissions(**limits))
    own = stored_token(Permissions(**limits, failure_policy="Ignore"))

    assert [failure_policy(settings, one, "webhook") for one in (of_point, own)] == [
        "Fail", "Ignore",
    ]  # fmt: skip
