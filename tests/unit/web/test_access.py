from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from policyd.audit.event import event_of
from policyd.audit.token_record import Permissions
from policyd.audit.tokens import Tokens
from policyd.errors import Forbidden
from policyd.model import Source, UserInfo
from policyd.web.access import (
    LOCAL,
    authenticate,
    authorise,
    digest_of_bearer,
    is_json_web_token,
    is_token,
    refuse_browsers,
)
from policyd.web.app import OPEN, SCOPES
from policyd.web.console import routes as console
from tests.support.cases import cases
from tests.support.ledger import ORIGIN, SIGNER

CLEAN = "services:\n  web:\n    image: nginx:1.27\n"
SECRET_DIGEST = hashlib.sha256(b"test-secret").hexdigest()


@pytest.fixture
def guarded(make, token):
    """A webhook with tokens: ci for acme, a platform that speaks for users, one for production."""
    return make(
        tokens={
            "ci": token(enforcement_point="ci"),
            "platform": token(
                "platform-token",
                owner="platform",
                repositories=("**",),
                enforcement_point="forge",
                speaks_for_users=True,
            ),
            "narrow": token(
                "narrow-token",
                owner="narrow",
                repositories=("**",),
                environments=("staging",),
                hosts=("gpu-0*",),
            ),
        }
    )


@pytest.fixture
def ask(guarded):
    """A function that asks with a token."""

    def post(value: str, query: str = ""):
        headers = {"Authorization": f"Bearer {value}"} if value else {}
        return guarded.post(
            f"/v1/review{query}", data=CLEAN, content_type="application/yaml", headers=headers
        )

    return post


def test_without_a_token_nothing_is_answered(guarded, ask, services):
    response = ask("")

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json["message"] == "a token is required: Authorization: Bearer …"
    for path in ("/v1/decisions", "/v1/decisions/x", "/v1/grants", "/v1/policies", "/nothing"):
        assert guarded.get(path).status_code == 401
    assert services.audit.decisions() == []


def test_a_method_is_refused_where_nobody_needs_a_token_and_else_after_the_token(guarded):
    for path in ("/healthz", "/readyz", "/openapi.json"):
        response = guarded.delete(path)
        assert response.status_code == 405
        assert {*response.headers["Allow"].split(", ")} == {"GET", "HEAD", "OPTIONS"}
    response = guarded.get("/hooks/registry/none")
    assert {*response.headers["Allow"].split(", ")} == {"OPTIONS", "POST"}
    assert guarded.delete("/v1/decisions").status_code == 401
    known = {"Authorization": "Bearer ci-token"}
    assert guarded.delete("/v1/decisions", headers=known).status_code == 405


def test_a_body_is_not_read_before_the_token(guarded):
    response = guarded.post(
        "/v1/review", data=CLEAN, headers={"Content-Length": "100000000"}, content_type="text/yaml"
    )
    assert response.status_code == 401


@cases("value", ["wrong", "ci-token2", "ci-toke"])
def test_a_token_that_is_not_known_is_refused(ask, value):
    response = ask(value)

    assert (response.status_code, response.json["message"]) == (401, "unknown token")


def test_a_token_names_the_user_and_the_enforcement_point(ask, services):
    assert ask("ci-token", "?repository=acme/train").json["response"]["allowed"]

    review = event_of(services.audit.decisions()[0]).input.review
    assert review.user_info == UserInfo("ci-bot")
    assert review.enforcement_point == "ci"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("value", "query", "message"),
    [
        ("ci-token", "?repository=other/x", "is not valid for the repository 'other/x'"),
        ("ci-token", "?repository=acme", "is not valid for the repository 'acme'"),
        (
            "narrow-token",
            "?environment=prod&host=gpu-01",
            "is not valid for the environment 'prod'",
        ),
        (
            "narrow-token",
            "?environment=staging&host=gpu-10",
            "is not valid for the host 'gpu-10'",
        ),
        ("ci-token", "", "is limited by repository: the review must state its repository"),
        (
            "narrow-token",
            "?host=gpu-01",
            "is limited by environment: the review must state its environment",
        ),
        (
            "narrow-token",
            "?environment=staging",
            "is limited by host: the review must state its host",
        ),
    ],
)
def test_a_token_speaks_only_for_what_is_its_own(ask, services, value, query, message):
    response = ask(value, query)

    assert response.status_code == 403
    assert response.json["reason"] == "Forbidden"
    assert response.json["message"] == f"this token {message}"
    assert services.audit.decisions() == []


def test_what_a_token_may_speak_for_is_taken(ask):
    query = "?repository=acme/deep/er&environment=staging&host=gpu-07"

    assert ask("narrow-token", query).status_code == 200
    assert ask("narrow-token", query.replace("acme/deep/er", "")).status_code == 200


def test_only_a_token_that_speaks_for_users_may_name_one(guarded, ask, envelope, services):
    asked = envelope(
        userInfo={"username": "alice", "groups": ["ml"]}, source={"repository": "acme/train"}
    )

    refused = guarded.post("/v1/review", json=asked, headers={"Authorization": "Bearer ci-token"})
    assert refused.status_code == 403
    assert refused.json["message"] == "this token may not name a user: remove userInfo"
    assert ask("ci-token", "?repository=acme/train&user=alice").status_code == 403

    taken = guarded.post(
        "/v1/review", json=asked, headers={"Authorization": "Bearer platform-token"}
    )
    assert taken.status_code == 200
    review = event_of(services.audit.decisions()[0]).input.review
    assert review.user_info == UserInfo("alice", ("ml",))
    assert review.enforcement_point == "forge"


@pytest.fixture
def scoped(make, token):
    """A webhook with a token for each scope, whose bearer is the name of the scope."""
    scopes = ("review", "audit:read", "metrics", "bundles", "admin")
    return make(
        tokens={
            name.replace(":", "-"): token(name, repositories=("**",), scopes=(name,))
            for name in scopes
        }
    )


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("path", "permitted"),
    [
        ("/v1/review", {"review"}),
        ("/v1/decisions", {"audit:read"}),
        ("/v1/decisions/x", {"audit:read"}),
        ("/v1/grants", {"audit:read"}),
        ("/v1/hooks", set()),
        ("/v1/policies", {"review", "bundles"}),
        ("/v1/policies/x", {"review", "bundles"}),
        ("/bundles/default.tar.gz", {"bundles"}),
        ("/metrics", {"metrics"}),
    ],
)
def test_a_route_requires_a_token_with_its_scope(scoped, services, path, permitted):
    call = scoped.post if path == "/v1/review" else scoped.get

    for scope in ("review", "audit:read", "metrics", "bundles", "admin"):
        response = call(path, headers={"Authorization": f"Bearer {scope}"})
        assert (response.status_code == 403) == (scope not in {*permitted, "admin"}), scope
    assert services.audit.decisions() == []
    assert call(path, headers={"Authorization": "Bearer metrics2"}).status_code == 401


def test_a_refusal_names_the_scopes_that_are_required(scoped):
    response = scoped.get("/v1/policies", headers={"Authorization": "Bearer metrics"})

    assert response.json["message"] == (
        "this request requires a token with the scope bundles or review; this token has metrics"
    )


def test_every_route_has_scopes_or_is_open(make, tmp_path):
    key = tmp_path / "key.pem"
    key.write_bytes(
        SIGNER._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    key.chmod(0o600)
    app = make(audit_key_file=str(key), audit_origin=ORIGIN).application

    rules = {rule.rule for rule in app.url_map.iter_rules() if rule.endpoint not in OPEN}
    pages = {
        "/console",
        "/console/sign-in",
        "/console/sign-out",
        "/console/static/<name>",
    }
    assert rules == {*SCOPES, *console.SCOPES, *pages}


def test_a_token_without_scopes_has_all_but_admin(guarded):
    headers = {"Authorization": "Bearer ci-token"}

    codes = [
        guarded.get(path, headers=headers).status_code
        for path in ("/v1/decisions", "/metrics", "/bundles/default.tar.gz", "/v1/hooks")
    ]
    assert codes == [200, 200, 200, 403]


def test_health_needs_no_token(guarded):
    assert guarded.get("/healthz").status_code == 200
    assert guarded.get("/readyz").status_code == 200


@cases("host", ["localhost", "localhost:8093", "127.0.0.1:8093", "[::1]:8093"])
def test_without_tokens_this_machine_is_answered(client, host):
    assert client.get("/v1/decisions", headers={"Host": host}).status_code == 200


@pytest.mark.thorough
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8093", "Origin": "http://evil.example:8093"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "127.0.0.1:8093", "Origin": "http://evil.example"},
        {"Host": "127.0.0.1:8093", "Origin": "null"},
    ],
)
def test_without_tokens_pages_of_others_are_not_answered(client, services, headers):
    response = client.post(
        "/v1/review", data=CLEAN, content_type="application/yaml", headers=headers
    )

    assert (response.status_code, response.json["reason"]) == (403, "Forbidden")
    assert services.audit.decisions() == []


@cases(
    ("host", "origin", "message"),
    [
        ("evil.example", "", "only requests to localhost are allowed, not to 'evil.example'"),
        ("", "", "only requests to localhost are allowed, not to ''"),
        (
            "[::1].evil.example:1",
            "",
            "only requests to localhost are allowed, not to '[::1].evil.example:1'",
        ),
        ("[", "", "only requests to localhost are allowed, not to '['"),
        ("localhost", "http://[", "requests from pages of other sites are not allowed"),
        ("localhost", "localhost", "requests from pages of other sites are not allowed"),
        (
            "localhost:8093",
            "http://localhost:8094",
            "requests from pages of other sites are not allowed",
        ),
    ],
)
def test_the_refusal_of_a_browser_says_what_is_allowed(host, origin, message):
    with pytest.raises(Forbidden) as caught:
        refuse_browsers(host, origin)

    assert str(caught.value) == f"without tokens, {message}"


@cases(
    ("host", "origin"),
    [("localhost:8093", ""), ("LocalHost:8093", "http://LocalHost:8093"), ("[::1]", "")],
)
def test_a_page_of_this_machine_is_answered(host, origin):
    refuse_browsers(host, origin)


def test_the_token_of_the_header_is_found_among_all(token):
    tokens = {"one": token("first"), "two": token("second", owner="two"), "three": token("third")}

    assert authenticate("Bearer second", tokens) is tokens["two"]


def test_without_tokens_the_caller_speaks_for_everything_and_everybody():
    anywhere = Source(repository="acme/train", environment="prod", host="gpu-01")

    assert authorise(LOCAL, anywhere, None) == UserInfo("local")
    assert authorise(LOCAL, Source(), UserInfo("alice", ("ml",))) == UserInfo("alice", ("ml",))


@cases("header", ["Bearer test-secret", "bearer  test-secret "])
def test_the_right_token_is_token(header):
    assert digest_of_bearer(header) == SECRET_DIGEST
    assert is_token(digest_of_bearer(header), SECRET_DIGEST)


@cases(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "test-secret",
        "Basic test-secret",
        "Bearer test-secret x",
        "Bearer é",
    ],
)
def test_no_bearer_token_matches_nothing(header):
    assert digest_of_bearer(header) == ""
    assert not is_token(digest_of_bearer(header), SECRET_DIGEST)


def test_a_wrong_token_and_an_empty_expectation_do_not_match():
    assert not is_token(digest_of_bearer("Bearer wrong"), SECRET_DIGEST)
    assert not is_token("", "")


@cases(
    ("token", "is_one"),
    [
        ("a.b.c", True),
        ("a.b.", True),
        ("s3cret", False),
        ("a.b", False),
        ("a.b.c.d", False),
        ("a.b.c=", False),
    ],
)
def test_a_json_web_token_is_known_by_its_form(token: str, is_one: bool) -> None:
    assert is_json_web_token(token) is is_one


def test_a_token_of_the_database_is_accepted_with_its_scopes_until_it_is_revoked(
    guarded, services, make
):
    tokens = Tokens(services.audit)
    limits = Permissions(owner="team", scopes=("review",), repositories=("acme/**",))
    value = tokens.create("team", limits, now=services.clock(), actor="alice")
    headers = {"Authorization": f"Bearer {value}"}

    def review(client, repository: str) -> int:
        query = f"/v1/review?repository={repository}&operation=CHECK"
        return client.post(
            query, data=CLEAN, content_type="application/yaml", headers=headers
        ).status_code

    without_settings = make()
    assert without_settings.get("/v1/decisions").status_code == 401
    for client in (guarded, without_settings):
        assert [review(client, name) for name in ("acme/train", "other/x", "")] == [200, 403, 403]
        assert client.get("/metrics", headers=headers).status_code == 403
    event = event_of(services.audit.decisions()[0])
    assert event.input.review.user_info == UserInfo("team")
    tokens.revoke("team", now=services.clock(), actor="alice")
    for client in (guarded, without_settings):
        assert review(client, "acme/train") == 401
