"""Nobody signs in but whom the provider confirmed, to this client, for this browser."""

from __future__ import annotations

import base64
import hashlib
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from policyd.console_settings import OidcSettings, Role
from policyd.errors import ConfigError, Forbidden, IdentityUnavailable, Unauthorized
from policyd.identity.people import People
from tests.support.cases import cases
from tests.support.issuing import StandInIssuer, jwk, rsa_key

SECRET = "s" * 43
CALLBACK = "https://policyd.acme.example/console/oidc/callback"
ROLES = {
    "operators": Role(groups=("gpu-ops",), scopes=("admin",), repositories=("**",)),
    "vision": Role(groups=("vision", "cv"), repositories=("vision/**",)),
}


@pytest.fixture
def settings(issuer: StandInIssuer, tmp_path: Path) -> OidcSettings:
    file = tmp_path / "secret"
    file.write_text("a secret/+")
    file.chmod(0o600)
    return OidcSettings(
        issuer=issuer.url, client_id="policyd", client_secret_file=str(file), insecure=True
    )


@pytest.fixture
def people(settings: OidcSettings) -> People:
    return People(settings, ROLES, CALLBACK)


def derived(purpose: str) -> str:
    return hashlib.sha256(f"{purpose}:{SECRET}".encode()).hexdigest()


def id_token(issuer: StandInIssuer, **changes: object) -> str:
    """Return a token for ann of the group vision, with these claims changed."""
    claims = {
        "aud": "policyd",
        "sub": "u-1",
        "email": "ann@acme.example",
        "groups": ["vision"],
        "nonce": derived("nonce"),
        **changes,
    }
    return issuer.token(**claims)


def signed_in(people: People, issuer: StandInIssuer, **changes: object):
    issuer.id_token = id_token(issuer, **changes)
    return people.person(SECRET, derived("state"), "the-code")


def test_a_browser_is_sent_to_the_provider(people: People, issuer: StandInIssuer) -> None:
    address = urlsplit(people.address(SECRET))
    challenge = hashlib.sha256(derived("verifier").encode()).digest()

    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{issuer.url}/authorize"
    assert parse_qs(address.query) == {
        "response_type": ["code"],
        "client_id": ["policyd"],
        "redirect_uri": [CALLBACK],
        "scope": ["openid profile email"],
        "state": [derived("state")],
        "nonce": [derived("nonce")],
        "code_challenge": [base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()],
        "code_challenge_method": ["S256"],
    }
    assert SECRET not in address.query


def test_a_person_has_the_first_role_that_fits(people: People, issuer: StandInIssuer) -> None:
    found = signed_in(people, issuer)
    assert (found.owner, found.scopes, found.repositories) == (
        "oidc:ann@acme.example",
        ("audit:read",),
        ("vision/**",),
    )
    assert signed_in(people, issuer, groups=["cv", "gpu-ops"]).scopes == ("admin",)
    assert signed_in(people, issuer, groups="cv").repositories == ("vision/**",)
    assert signed_in(people, issuer, email=None).owner == "oidc:u-1"
    assert signed_in(people, issuer, aud=["policyd"]).owner == "oidc:ann@acme.example"

    (authorization, form) = issuer.exchanged[0]
    pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
    assert pair == "policyd:a%20secret%2F%2B"
    assert form == {
        "grant_type": ["authorization_code"],
        "code": ["the-code"],
        "redirect_uri": [CALLBACK],
        "client_id": ["policyd"],
        "code_verifier": [derived("verifier")],
    }


def test_a_role_can_be_for_everybody(settings: OidcSettings, issuer: StandInIssuer) -> None:
    people = People(settings, {"all": Role(groups=("*",), repositories=("**",))}, CALLBACK)

    assert signed_in(people, issuer, groups=None).repositories == ("**",)


OTHER_SIGN_IN = "the token of the OpenID provider is for another sign-in"
OTHER_CLIENT = "the token of the OpenID provider is for another client"


@cases(
    ("changes", "message"),
    [
        ({"nonce": "0" * 64}, OTHER_SIGN_IN),
        ({"nonce": 7}, OTHER_SIGN_IN),
        ({"nonce": None}, "the token has no claim nonce"),
        ({"aud": "other"}, "the token is not for policyd: its audience must be 'policyd' alone"),
        ({"aud": ["policyd", "other"]}, OTHER_CLIENT),
        ({"aud": ["policyd", "other"], "azp": "other"}, OTHER_CLIENT),
        ({"azp": "other"}, OTHER_CLIENT),
        ({"exp": int(time.time()) - 60}, "the token has expired"),
        ({"iss": "https://evil.example"}, "the token is not a valid JSON Web Token"),
        ({"sub": None}, "the token has no claim sub"),
    ],
)
def test_a_token_for_something_else_signs_nobody_in(
    people: People, issuer: StandInIssuer, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(Unauthorized) as error:
        signed_in(people, issuer, **changes)
    assert str(error.value) == message


def test_a_token_that_another_signed_signs_nobody_in(people: People, issuer: StandInIssuer) -> None:
    issuer.id_token = id_token(issuer, key=rsa_key("another"))
    with pytest.raises(Unauthorized, match="the signature of the token is not valid"):
        people.person(SECRET, derived("state"), "c")
    issuer.keys.append(jwk(rsa_key("another"), "second"))


@cases(
    ("changes", "message"),
    [
        ({"groups": ["sales"]}, "ann@acme.example has none of the groups that may use the console"),
        ({"groups": [["vision"]]}, "ann@acme.example has none of the groups"),
        ({"email": "a\nb"}, "the OpenID provider states no name of the user as email"),
        ({"email": ["ann"]}, "the OpenID provider states no name of the user as email"),
        ({"email": "x" * 257}, "the OpenID provider states no name of the user as email"),
    ],
)
def test_a_person_without_a_role_is_refused(
    people: People, issuer: StandInIssuer, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(Forbidden) as error:
        signed_in(people, issuer, **changes)
    assert str(error.value).startswith(message)


@cases("secret,state", [("", "state"), (SECRET, ""), (SECRET, "é"), ("other", derived("state"))])
def test_a_code_for_another_browser_is_not_exchanged(
    people: People, issuer: StandInIssuer, secret: str, state: str
) -> None:
    issuer.id_token = id_token(issuer)
    with pytest.raises(Unauthorized, match="this sign-in did not begin in this browser"):
        people.person(secret, state, "the-code")
    assert issuer.exchanged == []


def test_a_provider_that_refuses_or_is_away_is_told(
    people: People, issuer: StandInIssuer, settings: OidcSettings
) -> None:
    with pytest.raises(Unauthorized, match="did not confirm the sign-in"):
        people.person(SECRET, derived("state"), "a-code-that-was-used")
    issuer.discovery["token_endpoint"] = "https://evil.example/exchange"
    with pytest.raises(IdentityUnavailable, match="cannot be asked at the moment"):
        people.person(SECRET, derived("state"), "the-code")
    issuer.status = 500
    with pytest.raises(IdentityUnavailable):
        people.address(SECRET)
    gone = msgspec.structs.replace(settings, client_secret_file="/does/not/exist")
    with pytest.raises(ConfigError, match=r"oidc\.client_secret_file"):
        People(gone, ROLES, CALLBACK)
