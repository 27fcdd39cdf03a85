from __future__ import annotations

import html

import pytest

from policyd.audit.log_event import log_event_of
from tests.support.cases import cases
from tests.support.held import granted
from tests.unit.audit.conftest import pair
from tests.unit.web.console.conftest import HOSTILE

PATH = "/console/grants/1.0/revoke"


@pytest.fixture
def held(services) -> None:
    """A grant of acme/train on gpu-01 and one of beta/web."""
    services.audit.append_decision(*pair("d1", grants=(granted("train"),)))
    services.audit.append_decision(*pair("d2", repository="beta/web", grants=(granted("web"),)))


def active(services) -> list[str]:
    return [one.service for one in services.audit.grants(active=True)]


@pytest.mark.usefixtures("held")
def test_a_grant_is_revoked_with_who_and_why(services, browser_of) -> None:
    browser = browser_of(scopes=("admin",), owner="olga")
    page = browser.get(f"{PATH}?next=/console/gpus%3Fhost=gpu-01")
    text = html.unescape(page.text)
    assert "Revoke the grant 1.0" in text
    assert "acme/train, train" in text
    assert 'name="next" value="/console/gpus?host=gpu-01"' in text

    form = {"reason": " host is\r\nrepaired ", "next": "/console/gpus?host=gpu-01"}
    answer = browser.post(PATH, form)
    assert (answer.status_code, answer.location) == (303, "/console/gpus?host=gpu-01")
    assert active(services) == ["web"]
    event = log_event_of(services.audit.events()[0])
    assert (event.kind, event.actor, event.reason, event.details) == (
        "grant-revoked",
        "olga",
        "host is\nrepaired",
        {"grants": ["1.0"]},
    )
    again = browser.get(PATH)
    assert again.status_code == 404
    assert "there is no active grant 1.0" in again.text


@cases(
    "reason,sentence",
    [
        (" ", "the reason is empty: say why the grant is revoked"),
        ("x" * 1001, "the reason has 1,001 characters; the limit is 1,000"),
    ],
)
@pytest.mark.usefixtures("held")
def test_a_reason_is_needed(services, browser, reason: str, sentence: str) -> None:
    page = browser.post(PATH, {"reason": reason, "next": "/console/gpus"})

    assert page.status_code == 400
    assert sentence in page.text
    assert active(services) == ["web", "train"]


@pytest.mark.usefixtures("held")
def test_only_an_administrator_who_may_read_a_grant_revokes_it(services, browser_of) -> None:
    reader = browser_of(scopes=("audit:read",))
    assert reader.get(PATH).status_code == 403
    assert reader.post(PATH, {"reason": "x"}, page="/console/").status_code == 403

    beta = browser_of(scopes=("admin",), repositories=("beta/**",))
    for name in ("1.0", "7.0"):
        page = beta.get(f"/console/grants/{name}/revoke")
        assert page.status_code == 404
        assert f"there is no active grant {name}" in page.text
    assert beta.get("/console/grants/x/revoke").status_code == 400
    assert active(services) == ["web", "train"]


@pytest.mark.usefixtures("held")
def test_a_form_of_another_site_is_refused(client, services) -> None:
    assert client.post(PATH, data={"reason": "x"}).status_code == 403
    assert active(services) == ["web", "train"]


@pytest.mark.usefixtures("held")
def test_only_pages_of_the_console_follow(browser) -> None:
    assert 'name="next" value="/console/"' in browser.get(f"{PATH}?next=//evil.example/").text
    answer = browser.post(PATH, {"reason": "x", "next": "https://evil.example/"})
    assert answer.location == "/console/"


def test_names_stay_text(services, browser) -> None:
    services.audit.append_decision(
        *pair("d1", repository=HOSTILE, host=HOSTILE, project=HOSTILE, environment=HOSTILE,
              grants=(granted(HOSTILE),))
    )  # fmt: skip
    for page in (browser.get(PATH), browser.post(PATH, {"reason": HOSTILE * 30, "next": HOSTILE})):
        assert "<script>alert" not in page.text
        assert "\"onx='" not in page.text
