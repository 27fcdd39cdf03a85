from __future__ import annotations

import html

import msgspec
import pytest

from policyd.audit.log_event import log_event_of
from policyd.audit.pushes import Pushes
from policyd.hooks.events import Push
from policyd.web.console import hooks
from policyd.web.console.hooks import age
from tests.support.cases import cases
from tests.unit.audit.conftest import NOON
from tests.unit.web.console.conftest import HOSTILE

PATH = "/console/hooks"
MINUTE = 60 * 1_000_000_000


def push(number: int, **fields: str) -> Push:
    fields = {"repository": "demo/app", "digest": "sha256:" + "ab" * 32, "tag": "1.0", **fields}
    return Push(f"event-{number}", actor="ci", **fields)


@pytest.fixture
def pushes(services):
    """A failed push, one that waits for its second attempt, a new one, and one at a forge."""
    found = Pushes(services.audit)
    found.add("hub", "hub/", [push(1), push(2)], NOON)
    one, two = found.claim("hub", 2, NOON, until=NOON + MINUTE)
    found.fail(one.number, "the registry answered with status 500", NOON)
    found.postpone(two.number, "connection refused", NOON + 9 * MINUTE)
    found.add("hub", "hub/", [push(3, repository="demo/other")], NOON + MINUTE)
    found.add("forge/git", "", [push(4, repository="acme/app")], NOON + 2 * MINUTE)
    return found


def numbers(page) -> list[int]:
    return [item["number"] for item in page.json["items"]]


def test_the_queue_and_the_pushes_are_shown(watching, pushes) -> None:
    browser = watching(NOON + 180 * MINUTE)
    text = html.unescape(browser.get(PATH).text)

    assert '<th scope="row">hub</th><td><span class="tag bad">✕ failed</span></td><td' in text
    assert "3 h ago" in text
    assert "the registry answered with status 500" in text
    assert "next attempt" in text
    page = browser.get(f"{PATH}?format=json")
    assert numbers(page) == [4, 3, 2, 1]
    assert page.json["items"][3]["error"] == "the registry answered with status 500"
    assert numbers(browser.get(f"{PATH}?format=json&state=failed")) == [1]
    assert numbers(browser.get(f"{PATH}?format=json&registry=forge/git")) == [4]
    queue = browser.get(f"{PATH}?format=csv&list=queue").text.splitlines()
    assert (queue[0], len(queue)) == ("Registry or forge,State,Pushes,Oldest", 4)
    assert queue[-1].startswith("hub,waiting,")


def test_pages_continue_with_older_pushes(watching, pushes, monkeypatch) -> None:
    monkeypatch.setattr(hooks, "PAGE", 2)
    browser = watching(NOON)

    assert 'href="/console/hooks?before=3" rel="next">Older →</a>' in browser.get(PATH).text
    assert numbers(browser.get(f"{PATH}?before=3&format=json")) == [2, 1]
    assert "Older" not in browser.get(f"{PATH}?before=2").text


def test_a_failed_push_is_retried_with_an_event(services, watching, pushes) -> None:
    browser = watching(NOON + MINUTE)

    answer = browser.post(f"{PATH}/retry", {"push": "1"}, page=PATH)
    assert (answer.status_code, answer.location) == (303, f"{PATH}?retried=1")
    assert "1 push will be reviewed again." in browser.get(answer.location).text
    (event,) = services.audit.events()
    found = log_event_of(event)
    assert (found.kind, found.actor, found.details) == (
        "push-retried",
        "local",
        {"registry": "hub", "event": "event-1"},
    )
    assert [one.event_id for one in pushes.records(states=("failed",))] == []


def test_all_failed_pushes_are_retried(services, watching, pushes) -> None:
    browser = watching(NOON + MINUTE)
    assert "Review the failed push again" in browser.get(PATH).text

    assert browser.post(f"{PATH}/retry", {}, page=PATH).location == f"{PATH}?retried=1"
    assert log_event_of(services.audit.events()[0]).details == {}
    assert [one.attempts for one in pushes.records() if one.event_id == "event-1"] == [0]


@cases(
    "given,code,sentence",
    [
        ("x", 400, "the push is 'x': it must be the number of a push"),
        ("²", 400, "the push is '²': it must be the number of a push"),
        ("0", 400, "the push is '0': it must be the number of a push"),
        ("99", 409, "the push 99 is not known, is being reviewed, or has a verdict"),
    ],
)
def test_other_pushes_are_not_retried(services, watching, pushes, given, code, sentence) -> None:
    page = watching(NOON).post(f"{PATH}/retry", {"push": given}, page=PATH)

    assert page.status_code == code
    assert sentence in html.unescape(page.text)
    assert services.audit.events() == []


def test_a_reader_sees_the_own_repositories_and_retries_nothing(services, watching, pushes) -> None:
    browser = watching(NOON, {"repositories": ("acme/*",)})

    assert numbers(browser.get(f"{PATH}?format=json")) == [4]
    text = browser.get(PATH).text
    assert "hub" not in text
    assert "Retry" not in text
    assert browser.post(f"{PATH}/retry", {"push": "4"}, page=PATH).status_code == 403
    other = watching(NOON, {"repositories": ("web/*",)})
    assert "No push waits for its review, and none has failed." in other.get(PATH).text


def test_an_administrator_of_some_repositories_retries_these_only(watching, pushes) -> None:
    browser = watching(NOON, {"repositories": ("hub/demo/other",), "scopes": ("admin",)})

    assert browser.post(f"{PATH}/retry", {"push": "3"}, page=PATH).status_code == 303
    assert browser.post(f"{PATH}/retry", {"push": "1"}, page=PATH).status_code == 409
    page = browser.post(f"{PATH}/retry", {}, page=PATH)
    assert page.status_code == 403
    assert "this token may not see all pushes" in page.text


def test_a_form_of_another_site_is_refused(client, services, pushes) -> None:
    assert client.post(f"{PATH}/retry", data={"push": "1"}).status_code == 403
    assert services.audit.events() == []


def test_names_stay_text_and_no_cell_is_a_formula(services, watching) -> None:
    found = Pushes(services.audit)
    hostile = push(1, repository=HOSTILE, tag="=1+1")
    found.add(HOSTILE, "", [msgspec.structs.replace(hostile, actor=HOSTILE)], NOON)
    (claimed,) = found.claim(HOSTILE, 1, NOON, until=NOON)
    found.fail(claimed.number, HOSTILE, NOON)
    browser = watching(NOON)

    for page in (browser.get(PATH), browser.get(f"{PATH}?registry={HOSTILE}")):
        assert "<script>alert" not in page.text
        assert "\"onx='" not in page.text
    assert "'=1+1" in browser.get(f"{PATH}?format=csv").text


def test_an_empty_queue_says_what_to_do_first(watching) -> None:
    text = watching(NOON).get(PATH).text

    assert "No push waits for its review, and none has failed." in text
    assert "policyd hooks add" in text


@cases("minutes,expected", [(0, "0 s"), (0.5, "30 s"), (59, "59 min"), (61, "1 h"), (3000, "2 d")])
def test_an_age_has_its_largest_unit(minutes: float, expected: str) -> None:
    assert age("2026-11-23T15:00:00.000000000Z", NOON + int(minutes * MINUTE)) == expected
    assert age("2026-11-23T16:00:00.000000000Z", NOON) == "0 s"
