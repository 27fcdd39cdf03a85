"""Reviews that CI jobs request with the tokens of their CI system."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from policyd.config import Token
from policyd.issuer_settings import Issuer
from tests.support.cases import cases
from tests.support.issuing import AUDIENCE, StandInIssuer, issuing, rsa_key

CLEAN = "services:\n  web:\n    image: nginx:1.27\n"


@pytest.fixture
def issuer() -> Iterator[StandInIssuer]:
    with issuing() as started:
        yield started


@pytest.fixture
def client(make: Callable[..., FlaskClient], issuer: StandInIssuer) -> FlaskClient:
    settings = Issuer(
        issuer=issuer.url,
        audience=AUDIENCE,
        kind="github",
        repositories=("acme/**",),
        hosts=("gpu-*",),
        insecure=True,
    )
    return make(issuers={"forge": settings})


def ask(client: FlaskClient, token: str, query: str = "host=gpu-01") -> Any:
    return client.post(
        f"/v1/review?{query}",
        data=CLEAN,
        content_type="application/yaml",
        headers={"Authorization": f"Bearer {token}"},
    )


def test_a_job_is_reviewed_as_what_its_token_states(
    client: FlaskClient, issuer: StandInIssuer, services: Any
) -> None:
    answer = ask(client, issuer.token(jti="jti-x"))

    assert (answer.status_code, answer.json["response"]["allowed"]) == (200, True)
    (record,) = services.store.decisions(10)
    event = json.loads(record.payload)
    assert event["caller"] == {
        "owner": "forge:acme/train",
        "subject": "repo:acme@7/train@42:ref:refs/heads/main",
        "tokenId": "jti-x",
    }
    review = event["input"]["review"]
    assert review["source"] == {
        "repository": "acme/train",
        "ref": "refs/heads/main",
        "commit": "a" * 40,
        "environment": "",
        "host": "gpu-01",
    }
    assert review["userInfo"] == {"username": "forge:octocat", "groups": ["forge:id:583231"]}
    assert review["enforcementPoint"] == "ci"


def message_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["message"]


def test_a_token_that_may_grant_is_used_for_one_review(
    client: FlaskClient, issuer: StandInIssuer
) -> None:
    token = issuer.token(jti="once")
    first = ask(client, token, "host=gpu-01&uid=a")
    again = ask(client, token, "host=gpu-01&uid=a")
    other = ask(client, token, "host=gpu-01&uid=b")
    checked = ask(client, token, "host=gpu-01&uid=c&operation=CHECK")

    assert [answer.status_code for answer in (first, again, checked)] == [200, 200, 200]
    assert message_of(other) == (
        403,
        "this token was used for another review that may grant; request a new token for each",
    )


def test_another_repository_of_the_same_name_is_refused(
    client: FlaskClient, issuer: StandInIssuer
) -> None:
    assert ask(client, issuer.token(jti="1")).status_code == 200
    taken = ask(client, issuer.token(jti="2", repository="ACME/train", repository_id="43"))

    assert message_of(taken) == (
        403,
        "the repository 'ACME/train' had the id '42' before, and the token states '43': it is "
        "another repository of the same name. If that is right, an administrator runs "
        "`policyd issuers forget forge ACME/train`",
    )


def test_a_claim_that_the_audit_log_cannot_index_is_refused(
    client: FlaskClient, issuer: StandInIssuer
) -> None:
    answer = ask(client, issuer.token(actor="a" * 295))

    assert (answer.status_code, answer.json["message"]) == (
        400,
        "the decision cannot be recorded: its username has 301 bytes; the limit is 300",
    )


@cases(
    ("claims", "query", "message"),
    [
        (
            {"event_name": "pull_request"},
            "host=gpu-01",
            "this job may only request the operation CHECK: it was started by the event "
            "'pull_request'",
        ),
        (
            {},
            "host=gpu-01&repository=acme/other",
            "source.repository is 'acme/other', but the token of the job states 'acme/train'",
        ),
        ({}, "host=cpu-01", "this token is not valid for the host 'cpu-01'"),
        ({}, "", "this token is limited by host: the review must state its host"),
        ({}, "host=gpu-01&user=ada", "this token may not name a user: remove userInfo"),
        (
            {"repository": "evil/train"},
            "host=gpu-01",
            "the issuer forge is not valid for the repository 'evil/train'",
        ),
    ],
)
def test_what_a_job_may_not_ask_is_forbidden(
    client: FlaskClient, issuer: StandInIssuer, claims: dict[str, str], query: str, message: str
) -> None:
    assert message_of(ask(client, issuer.token(**claims), query)) == (403, message)


def test_a_token_that_does_not_verify_is_unauthorized(
    client: FlaskClient, issuer: StandInIssuer
) -> None:
    assert message_of(ask(client, issuer.token(rsa_key("second")))) == (
        401,
        "the signature of the token is not valid",
    )
    assert message_of(ask(client, "s3cret")) == (401, "unknown token")
    assert client.post("/v1/review", data=CLEAN).status_code == 401


def test_a_job_may_only_request_reviews(client: FlaskClient, issuer: StandInIssuer) -> None:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {issuer.token()}"})

    assert message_of(answer) == (
        403,
        "this request requires a token with the scope metrics; this token has review",
    )


def test_without_the_keys_of_the_issuer_nothing_is_decided(
    client: FlaskClient, issuer: StandInIssuer
) -> None:
    issuer.status = 500

    assert message_of(ask(client, issuer.token())) == (
        503,
        "the keys of the issuer forge cannot be read at the moment",
    )


def test_tokens_of_the_settings_go_on_working(
    make: Callable[..., FlaskClient], issuer: StandInIssuer
) -> None:
    dotted = "a.b.c-with-the-form-of-a-json-web-token"
    digest = hashlib.sha256(dotted.encode()).hexdigest()
    client = make(
        tokens={"ci": Token(owner="ci", sha256=digest, repositories=("**",))},
        issuers={
            "forge": Issuer(
                issuer=issuer.url, audience=AUDIENCE, kind="github", repositories=("**",)
            )
        },
    )

    assert ask(client, dotted).status_code == 200
