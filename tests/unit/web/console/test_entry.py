from __future__ import annotations

import re

import pytest

from policyd.web.console.entry import COOKIE, safe_target
from tests.support.cases import cases

TOKEN = "ci-token"


@pytest.fixture
def guarded(make, token):
    """A webhook with a token."""
    return make(tokens={"ci": token(TOKEN, scopes=("audit:read",), repositories=("**",))})


def csrf(page) -> str:
    return re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)[1]


@pytest.fixture
def browse(guarded):
    """A client whose requests use HTTPS, as a browser does."""

    class Browser:
        def get(self, path, **kw):
            return guarded.get(path, base_url="https://localhost", **kw)

        def post(self, path, **kw):
            return guarded.post(path, base_url="https://localhost", **kw)

    return Browser()


def signed_in(browse, token=TOKEN, next="/console/"):
    form = {"csrf": csrf(browse.get("/console/sign-in")), "token": token, "next": next}
    return browse.post("/console/sign-in", data=form)


def test_a_stranger_is_sent_to_the_sign_in_page(browse) -> None:
    answer = browse.get("/console/?format=html")

    assert (answer.status_code, answer.location) == (
        303,
        "/console/sign-in?next=/console/%3Fformat%3Dhtml",
    )


def test_a_token_begins_a_session_that_ends_with_a_sign_out(browse) -> None:
    answer = signed_in(browse)
    assert (answer.status_code, answer.location) == (303, "/console/")
    attributes = {one.strip() for one in answer.headers["Set-Cookie"].split(";")[1:]}
    assert attributes >= {"Secure", "HttpOnly", "Path=/", "SameSite=Strict", "Max-Age=28800"}

    page = browse.get("/console/")
    assert page.status_code == 200
    assert "ci-bot" in page.text

    assert browse.post("/console/sign-out", data={"csrf": csrf(page)}).status_code == 303
    assert browse.get("/console/").status_code == 303


def test_an_unknown_token_is_refused(browse) -> None:
    answer = signed_in(browse, "another")

    assert answer.status_code == 401
    assert "unknown token" in answer.text


def test_a_form_without_the_token_of_this_browser_is_refused(browse) -> None:
    browse.get("/console/sign-in")
    for data in ({"token": TOKEN}, {"token": TOKEN, "csrf": "0" * 64}, {"csrf": "é", "token": ""}):
        answer = browse.post("/console/sign-in", data=data)
        assert answer.status_code == 403
        assert "the form is no longer valid" in answer.text


def test_a_revoked_scope_is_a_page_with_the_sentence_of_the_api(make, token) -> None:
    client = make(tokens={"ci": token(TOKEN, scopes=("review",))})
    answer = client.get("/console/", headers={"Authorization": f"Bearer {TOKEN}"})

    assert answer.status_code == 403
    assert "this request requires a token with the scope audit:read" in answer.text


def test_this_machine_needs_no_token_while_there_is_none(client) -> None:
    assert client.get("/console/").status_code == 200
    assert client.get("/console/", headers={"Host": "evil.example"}).status_code == 403


def test_the_console_can_be_switched_off(make) -> None:
    assert make(console=False).get("/console/").status_code == 404


@cases(
    "target,expected",
    [
        ("/console/gpus?at=now", "/console/gpus?at=now"),
        ("//evil.example/console/", "/console/"),
        ("https://evil.example/console/", "/console/"),
        ("/console/\\evil", "/console/"),
        ("/v1/decisions", "/console/"),
        ("/console/\r\nX: y", "/console/"),
        ("", "/console/"),
    ],
)
def test_only_pages_of_the_console_follow_a_sign_in(target: str, expected: str) -> None:
    assert safe_target(target) == expected


def test_each_answer_keeps_out_scripts_styles_and_frames_of_others(client) -> None:
    for path in ("/console/", "/console/sign-in", "/console/none", "/console/static/console.js"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"].startswith(
            "default-src 'none'; script-src 'self'"
        )
        assert "'unsafe" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "same-origin"


def test_the_cookie_belongs_to_one_host() -> None:
    assert COOKIE.startswith("__Host-")


def test_a_failure_is_a_page_with_the_sentence_of_the_api(client) -> None:
    page = client.get("/console/none")
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert '<p class="problem" role="alert">/console/none does not exist</p>' in page.text

    status = client.get("/console/none?format=json")
    assert (status.status_code, status.json["message"]) == (404, "/console/none does not exist")
