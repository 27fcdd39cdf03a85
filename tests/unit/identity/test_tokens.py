"""No token but one that the issuer signed for policyd, now and for this job, is accepted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from policyd.errors import Unauthorized
from policyd.identity.signature import MAX_TOKEN
from policyd.identity.tokens import TokenVerifier
from policyd.issuer_settings import Issuer
from tests.support.cases import cases
from tests.support.issuing import AUDIENCE, StandInIssuer, ec_key, github, jwk, rsa_key, unsigned

NOW = int(time.time())
NOT_A_TOKEN = "the token is not a valid JSON Web Token"
BAD_SIGNATURE = "the signature of the token is not valid"
ONLY = "the token must be signed with RS256 or ES256"
AUDIENCE_ONLY = f"the token is not for policyd: its audience must be {AUDIENCE!r} alone"


@pytest.fixture
def verifier(settings: Issuer) -> TokenVerifier:
    return TokenVerifier({"forge": settings})


def refusal(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthorized) as error:
        verifier.job(token)
    assert token not in str(error.value)
    return str(error.value)


def test_a_token_of_the_issuer_is_about_its_job(
    verifier: TokenVerifier, issuer: StandInIssuer
) -> None:
    job = verifier.job(issuer.token(jti="abc"))

    assert (job.issuer, job.token_id, job.repository, job.ref, job.commit, job.obstacle) == (
        "forge", "abc", "acme/train", "refs/heads/main", "a" * 40, "",
    )  # fmt: skip
    assert (job.user.username, job.user.groups) == ("forge:octocat", ("forge:id:583231",))


def test_a_key_on_p_256_is_accepted(verifier: TokenVerifier, issuer: StandInIssuer) -> None:
    issuer.keys.append(jwk(ec_key(), "ec"))

    assert verifier.job(issuer.token(ec_key(), {"kid": "ec"})).repository == "acme/train"


@cases(
    ("claims", "message"),
    [
        ({"aud": "other"}, AUDIENCE_ONLY),
        ({"aud": [AUDIENCE, "other"]}, AUDIENCE_ONLY),
        ({"aud": [AUDIENCE]}, AUDIENCE_ONLY),
        ({"aud": "https://github.com/acme"}, AUDIENCE_ONLY),
        ({"aud": f"{AUDIENCE}/"}, AUDIENCE_ONLY),
        ({"aud": AUDIENCE.upper()}, AUDIENCE_ONLY),
        ({"aud": None}, "the token has no claim aud"),
        ({"exp": None}, "the token has no claim exp"),
        ({"iat": None}, "the token has no claim iat"),
        ({"jti": None}, "the token has no claim jti"),
        ({"exp": NOW - 60, "iat": NOW - 300}, "the token has expired"),
        ({"exp": "never"}, NOT_A_TOKEN),
        ({"exp": NOW + 80_000.5}, "the times of the token are not whole numbers"),
        ({"exp": True}, "the token has expired"),
        (
            {"iat": NOW + 40_000, "exp": NOW + 41_000},
            "the token is not valid yet; compare the clocks of policyd and of its issuer",
        ),
        (
            {"nbf": NOW + 40_000},
            "the token is not valid yet; compare the clocks of policyd and of its issuer",
        ),
        (
            {"iat": NOW, "exp": NOW + 100_000},
            "the token is valid for 100000 s; the limit of its issuer is 86400 s",
        ),
        ({"jti": ""}, "the token has no valid id (jti)"),
        ({"jti": "x" * 257}, "the token has no valid id (jti)"),
        ({"repository": None}, "the token states no valid name of a repository"),
        ({"repository": ""}, "the token states no valid name of a repository"),
        ({"repository": "acme/**"}, "the token states no valid name of a repository"),
        ({"repository": "acme/../evil"}, "the token states no valid name of a repository"),
        ({"repository": "acme/./x"}, "the token states no valid name of a repository"),
        ({"repository": "acme/train\n"}, "the claim repository of the token is not a short text"),
        ({"repository": ["acme/train"]}, "the claim repository of the token is not a short text"),
        ({"actor": "x" * 2000}, "the claim actor of the token is not a short text"),
    ],
)
def test_claims_of_another_token_are_refused(
    verifier: TokenVerifier, issuer: StandInIssuer, claims: dict[str, Any], message: str
) -> None:
    assert refusal(verifier, issuer.token(**claims)) == message


def _other_key(issuer: StandInIssuer) -> str:
    return issuer.token(rsa_key("second"))


def _changed(issuer: StandInIssuer) -> str:
    head, _, signature = issuer.token().split(".")
    payload = unsigned({}, {**github(issuer.url), "repository": "acme/other"}).split(".")[1]
    return f"{head}.{payload}.{signature}"


def _without_signature(issuer: StandInIssuer) -> str:
    return issuer.token().rpartition(".")[0] + "."


def _none(issuer: StandInIssuer) -> str:
    return unsigned({"alg": "none", "kid": "first"}, github(issuer.url))


def _public_key_as_secret(issuer: StandInIssuer) -> str:
    import hashlib
    import hmac
    from base64 import urlsafe_b64encode

    secret = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    token = unsigned({"alg": "HS256", "kid": "first"}, github(issuer.url)).rstrip(".")
    digest = hmac.new(secret, token.encode(), hashlib.sha256).digest()
    return f"{token}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _other_algorithm(issuer: StandInIssuer) -> str:
    return jwt.encode(github(issuer.url), rsa_key(), "RS512", headers={"kid": "first"})


def _key_of_another_kind(issuer: StandInIssuer) -> str:
    return jwt.encode(github(issuer.url), ec_key(), "ES256", headers={"kid": "first"})


def _unknown_key(issuer: StandInIssuer) -> str:
    return issuer.token(headers={"kid": "../../etc/passwd"})


def _key_in_the_header(issuer: StandInIssuer) -> str:
    key = rsa_key("second")
    return issuer.token(key, {"jwk": jwk(key, "first"), "jku": f"{issuer.url}/mine"})


def _no_key(issuer: StandInIssuer) -> str:
    return jwt.encode(github(issuer.url), rsa_key(), "RS256")


def _extension(issuer: StandInIssuer) -> str:
    return unsigned({"alg": "RS256", "kid": "first", "crit": ["b64"]}, github(issuer.url))


def _long(issuer: StandInIssuer) -> str:
    return issuer.token(padding="x" * MAX_TOKEN)


def _other_issuer(issuer: StandInIssuer) -> str:
    return issuer.token(iss="https://evil.example")


def _issuer_with_slash(issuer: StandInIssuer) -> str:
    return issuer.token(iss=f"{issuer.url}/")


def _no_issuer(issuer: StandInIssuer) -> str:
    return issuer.token(iss=None)


def _list(issuer: StandInIssuer) -> str:
    return unsigned({"alg": "RS256", "kid": "first"}, [])  # type: ignore[arg-type]


def _text(issuer: StandInIssuer) -> str:
    return "a.b.c"


@cases(
    ("make", "message"),
    [
        (_other_key, BAD_SIGNATURE),
        (_changed, BAD_SIGNATURE),
        (_without_signature, BAD_SIGNATURE),
        (_none, ONLY),
        (_public_key_as_secret, ONLY),
        (_other_algorithm, ONLY),
        (_key_of_another_kind, "the key of the token is one for another algorithm"),
        (_unknown_key, "the issuer forge has no key that the token names"),
        (_key_in_the_header, BAD_SIGNATURE),
        (_no_key, "the header of the token must name a key, and no extensions"),
        (_long, "the token has more than 16,384 characters"),
        (
            _other_issuer,
            "the token is of the issuer 'https://evil.example', which is not known",
        ),
        (_no_issuer, "the token states no issuer"),
        (_list, NOT_A_TOKEN),
        (_text, NOT_A_TOKEN),
    ],
)
def test_another_token_is_refused(
    verifier: TokenVerifier,
    issuer: StandInIssuer,
    make: Callable[[StandInIssuer], str],
    message: str,
) -> None:
    assert refusal(verifier, make(issuer)) == message


def test_the_issuer_is_compared_exactly(verifier: TokenVerifier, issuer: StandInIssuer) -> None:
    token = _issuer_with_slash(issuer)

    assert (
        refusal(verifier, token)
        == f"the token is of the issuer {issuer.url + '/'!r}, which is not known"
    )


def test_an_extension_of_the_header_is_refused(
    verifier: TokenVerifier, issuer: StandInIssuer
) -> None:
    assert refusal(verifier, _extension(issuer)) in (
        NOT_A_TOKEN,
        "the header of the token must name a key, and no extensions",
    )
