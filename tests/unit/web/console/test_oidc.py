from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from policyd.config import Settings
from policyd.console_settings import OidcSettings, Role
from policyd.errors import ConfigError
from tests.support.issuing import issuing

PUBLIC_URL = "https://policyd.acme.example"


@pytest.fixture
def issuer():
    with issuing() as started:
        yield started


@pytest.fixture
def settings(issuer):
    return {
        "public_url": PUBLIC_URL,
        "oidc": OidcSettings(issuer=issuer.url, client_id="policyd", insecure=True),
        "roles": {"all": Role(groups=("staff",), repositories=("acme/**",))},
    }


@pytest.fixture
def browse(make, settings, token):
    client = make(tokens={"ci": token()}, **settings)

    def get(path: str):
        return client.get(path, base_url=PUBLIC_URL)

    return get


def test_a_person_signs_in_at_the_provider_and_comes_back(browse, issuer) -> None:
    assert "/console/oidc?next=/console/gpus" in browse("/console/sign-in?next=/console/gpus").text

    start = browse("/console/oidc?next=/console/?format=html")
    query = parse_qs(urlsplit(start.location).query)
    assert (start.status_code, query["redirect_uri"]) == (
        303,
        [f"{PUBLIC_URL}/console/oidc/callback"],
    )
    attributes = {one.strip() for one in start.headers["Set-Cookie"].split(";")[1:]}
    assert attributes >= {"Secure", "HttpOnly", "SameSite=Lax", "Max-Age=600", "Path=/"}

    issuer.id_token = issuer.token(
        aud="policyd", email="ann@acme.example", groups=["staff"], nonce=query["nonce"][0]
    )
    back = browse(f"/console/oidc/callback?code=c&state={query['state'][0]}&session_state=x")
    assert (back.status_code, back.headers["Refresh"]) == (200, "0; url=/console/?format=html")
    page = browse("/console/")
    assert page.status_code == 200
    assert "oidc:ann@acme.example" in page.text


def test_a_sign_in_of_another_browser_is_refused(browse, issuer) -> None:
    query = parse_qs(urlsplit(browse("/console/oidc").location).query)
    issuer.id_token = issuer.token(aud="policyd", groups=["staff"], nonce=query["nonce"][0])
    for address in (
        "?code=c&state=0",
        "?code=c",
        f"?error=access_denied&state={query['state'][0]}",
    ):
        answer = browse(f"/console/oidc/callback{address}")
        assert answer.status_code == 401
        assert "Set-Cookie" not in answer.headers or "__Host-policyd=" not in str(answer.headers)
    assert browse("/console/").status_code == 303


def test_an_open_redirect_is_not_followed(browse, issuer) -> None:
    query = parse_qs(urlsplit(browse("/console/oidc?next=//evil.example").location).query)
    issuer.id_token = issuer.token(
        aud="policyd", groups=["staff"], nonce=query["nonce"][0], email="a"
    )
    back = browse(f"/console/oidc/callback?code=c&state={query['state'][0]}")

    assert back.headers["Refresh"] == "0; url=/console/"
    assert re.findall(r"evil", back.text) == []


def test_incomplete_settings_are_refused(make, settings) -> None:
    with pytest.raises(ConfigError, match="oidc needs the setting public_url"):
        make(**{**settings, "public_url": ""})
    with pytest.raises(ConfigError, match="oidc needs a role"):
        make(**{**settings, "roles": {}})
    assert Settings().oidc.issuer == ""
