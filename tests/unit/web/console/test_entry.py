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


def test_a_second_sign_in_ends_the_session_before_it(browse, guarded) -> None:
    signed_in(browse)
    first = guarded.get_cookie(COOKIE).value
    signed_in(browse)
    second = guarded.get_cookie(COOKIE).value
    answers = []
    for name in (first, second):
        guarded.set_cookie(COOKIE, name, secure=True)
        answers.append(browse.get("/console/").status_code)

    assert answers == [303, 200]


def test_the_address_without_a_slash_leads_to_the_overview(browse, client) -> None:
    for answer in (browse.get("/console"), client.get("/console")):
        assert (answer.status_code, answer.location) == (308, "/console/")


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


def test_without_https_the_failure_says_what_is_missing(guarded) -> None:
    answer = guarded.post("/console/sign-in", data={"token": TOKEN}, base_url="http://localhost")

    assert answer.status_code == 403
    assert "open the console over HTTPS, and allow cookies" in answer.text


def test_a_revoked_scope_is_a_page_with_the_sentence_of_the_api(make, token) -> None:
    client = make(tokens={"ci": token(TOKEN, scopes=("review",))})
    answer = client.get("/console/", headers={"Authorization": f"Bearer {TOKEN}"})

    assert answer.status_code == 403
    assert "this request requires a token with the scope audit:read" in answer.text


def test_this_machine_needs_no_token_while_there_is_none(client) -> None:
    assert client.get("/console/").status_code == 200
    assert client.get("/console/", headers={"Host": "evil.example"}).status_code == 403


def test_the_sign_in_page_says_when_no_sign_in_is_needed(browse, client) -> None:
    pages = [browse.get("/console/sign-in").text, client.get("/console/sign-in").text]

    assert ["needs no sign-in" in page for page in pages] == [False, True]
    assert ['name="token"' in page for page in pages] == [True, False]


def test_a_page_of_another_site_gains_nothing_by_a_token_that_is_not_needed(client) -> None:
    foreign = {"Authorization": "Bearer any", "Host": "evil.example"}
    assert client.get("/console/decisions?format=json", headers=foreign).status_code == 403
    assert client.post("/console/audit/verify", headers=foreign).status_code == 403

    own = {"Authorization": "Bearer any"}
    assert client.get("/console/decisions", headers=own).status_code == 200
    assert client.post("/console/audit/verify", headers=own).status_code == 403


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
        ("/console/../v1/decisions", "/console/"),
        ("/console/%2E%2e//evil.example", "/console/"),
        ("/console//evil.example", "/console/"),
        ("/console/%5cevil", "/console/"),
        ("/console/é", "/console/"),
        ("javascript:alert(1)//console/", "/console/"),
        ("/console/decisions?host=a..b//c", "/console/decisions?host=a..b//c"),
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


@cases(
    ("method", "path", "allowed"),
    [
        ("PUT", "/console/decisions", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/console/", {"GET", "HEAD", "OPTIONS"}),
        ("PATCH", "/console/decisions/d1", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/console/policies", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/console/playground", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("GET", "/console/audit/verify", {"OPTIONS", "POST"}),
        ("DELETE", "/console/sign-in", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("DELETE", "/console/static/console.js", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_method_that_a_page_does_not_take_is_refused_with_the_right_ones(
    guarded, client, method, path, allowed
) -> None:
    known = {"Authorization": f"Bearer {TOKEN}"}
    for answer in (
        guarded.open(path, method=method),
        guarded.open(path, method=method, headers=known),
        client.open(path, method=method),
    ):
        assert (answer.status_code, answer.mimetype) == (405, "text/html")
        assert {*answer.headers["Allow"].split(", ")} == allowed
        assert f"{path} does not support {method}</p>" in answer.text
        assert "Content-Security-Policy" in answer.headers


def test_an_address_that_does_not_exist_is_not_found_with_any_method(guarded, browse) -> None:
    for method in ("GET", "PUT", "DELETE", "POST"):
        for path in ("/console/none", "/console/none/x", "/console/decisions/"):
            answer = guarded.open(path, method=method)
            assert (answer.status_code, answer.mimetype) == (404, "text/html")
    signed_in(browse)
    page = browse.get("/console/none").text
    assert "ci-bot" in page
    assert "ci-bot" not in guarded.get("/consoles", base_url="https://localhost").text
    assert guarded.get("/consoles").status_code == 401
