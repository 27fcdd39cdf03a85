"""The console in a real browser: with and without JavaScript, by keyboard, accessible to all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests

from policyd.web.console.pages import NAVIGATION
from tests.conftest import Webhook
from tests.support.browser import AXE, Visitor, absent, chromium
from tests.support.console import pages, served
from tests.support.history import SMALL, record

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TOKEN: Final = "a-token-for-ann"
MAX_PAGE: Final = 60_000
"""Bytes of a page."""
PRIVILEGED: Final = "services:\n  web:\n    image: nginx:1.27\n    privileged: true\n"
FOCUSED: Final = (
    "(it => (it.labels?.[0]?.textContent ?? it.textContent).trim())(document.activeElement)"
)
"""JavaScript for the name of what has the focus."""
VISIBILITY: Final = (
    "Object.defineProperty(document, 'visibilityState', {get: () => '%s', configurable: true})"
)
"""JavaScript that makes the page visible or hidden."""
HOSTILE: Final = "<img src=x onerror=alert(1)>\"'=1+1"
"""A name that would do something if a page did not escape it."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The webhook of two weeks that end on 2026-06-30 at 16:00 UTC, at that time."""
    with served(record(tmp_path_factory.mktemp("history"), **SMALL)) as address:
        yield address


@pytest.fixture(scope="module")
def paths(browser: Browser, url: str) -> list[str]:
    """The paths of the pages."""
    return pages(browser, url)


@pytest.fixture
def guarded(start_webhook: Callable[..., Webhook]) -> Webhook:
    """A webhook that needs a token."""
    token = {
        "owner": "ann",
        "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(),
        "scopes": ["audit:read"],
        "repositories": ["**"],
    }
    return start_webhook(workers=1, tokens={"ann": token})


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Callable[..., Visitor]]:
    """A function that makes a visitor of the console with these options of the browser."""
    visitors: list[Visitor] = []

    def make(**options: Any) -> Visitor:
        visitors.append(Visitor(browser, url, **options))
        return visitors[-1]

    yield make
    for visitor in visitors:
        assert visitor.problems == []
        visitor.close()


def test_each_page_is_complete_with_and_without_javascript(visit, paths) -> None:
    assert len(paths) == len(NAVIGATION) + 5
    for javascript in (True, False):
        visitor = visit(java_script_enabled=javascript)
        for path in paths:
            assert visitor.open(path) == 200, path
            assert visitor.page.locator("h1").count() == 1, path


def test_each_page_is_small(url, paths) -> None:
    sizes = {path: len(requests.get(f"{url}{path}").content) for path in paths}

    assert {path: size for path, size in sizes.items() if size > MAX_PAGE} == {}


def test_each_page_is_accessible_in_both_colour_schemes(visit, paths, browser, guarded) -> None:
    if not AXE.exists():
        absent("axe-core, which .ci/run fetches")
    for scheme in ("light", "dark"):
        visitor = visit(color_scheme=scheme)
        for path in [*paths, "/console/sign-in"]:
            visitor.open(path)
            assert visitor.axe() == [], f"{path} in {scheme}"
        stranger = Visitor(browser, guarded.url, color_scheme=scheme)
        stranger.open("/console/sign-in")
        assert stranger.axe() == [], f"the form to sign in in {scheme}"
        stranger.close()


def test_no_page_scrolls_sideways(visit, paths) -> None:
    for width in (320, 1600):
        visitor = visit(viewport={"width": width, "height": 800})
        for path in paths:
            visitor.open(path)
            assert visitor.width() <= width, f"{path} at {width} pixels"


def test_the_keyboard_reaches_the_pages_in_their_order(visit) -> None:
    visitor = visit()
    visitor.open("/console/")
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    visitor.page.keyboard.press("Enter")
    assert visitor.page.evaluate("document.activeElement.id") == "main"


def test_the_main_tasks_need_only_the_keyboard(visit) -> None:
    visitor = visit()
    page = visitor.page

    def reach(name: str) -> None:
        """Press Tab until the link, button or field called `name` has the focus."""
        for _ in range(120):
            page.keyboard.press("Tab")
            if page.evaluate(FOCUSED) == name:
                return
        raise AssertionError(f"the keyboard does not reach {name!r}")

    visitor.open("/console/")
    reach("Decisions")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/decisions")
    reach("Repository")
    page.keyboard.type("ml/train")
    page.keyboard.press("Enter")
    page.wait_for_url("**repository=ml%2Ftrain**")
    page.get_by_role("row", name="ml/serving").first.wait_for(state="detached")
    reach("2026-06-30 15:30:00 UTC")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Decision").wait_for()

    reach("Playground")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/playground")
    reach("Content of file 1")
    page.keyboard.insert_text(PRIVILEGED)
    page.keyboard.press("Control+Enter")
    page.get_by_text("compose.yaml:4:17").first.wait_for()


def test_filters_fold_on_a_phone_and_are_open_on_a_wide_screen(visit) -> None:
    for width, is_shown in ((320, False), (1200, True)):
        page = visit(viewport={"width": width, "height": 800}).open_page("/console/decisions")
        assert page.get_by_label("Repository").is_visible() is is_shown
        assert page.get_by_text("Filters", exact=True).is_visible() is not is_shown
        if not is_shown:
            page.get_by_text("Filters", exact=True).click()
            assert page.get_by_label("Repository").is_visible()


def test_a_wrong_filter_is_explained_without_a_page_load_too(browser, url) -> None:
    visitor = Visitor(browser, url)
    page = visitor.open_page("/console/decisions")
    page.get_by_label("Since (UTC)").fill("yesterday")
    page.get_by_role("button", name="Filter").click()
    page.get_by_text("since: 'yesterday' is not a date such as 2026-03-01").wait_for()
    page.get_by_role("link", name="Decisions without these filters").click()
    page.wait_for_url("**/console/decisions")
    visitor.close()


def test_times_are_shown_in_local_time_on_request(visit) -> None:
    page = visit(timezone_id="Asia/Tokyo", locale="en-GB").open_page(
        "/console/decisions?repository=ml/train"
    )
    newest = page.locator("#list tbody time").first
    assert newest.inner_text() == "2026-06-30 15:30:00 UTC"
    assert newest.get_attribute("title") == "1 Jul 2026, 00:30:00 local time"
    page.get_by_role("button", name="Show local times").click()
    assert newest.inner_text() == "1 Jul 2026, 00:30:00"
    page.reload()
    assert newest.inner_text() == "1 Jul 2026, 00:30:00"
    page.get_by_role("button", name="Show local times").click()
    assert newest.inner_text() == "2026-06-30 15:30:00 UTC"


def test_the_page_refreshes_while_it_is_visible_and_says_when_it_cannot(browser, url) -> None:
    visitor = Visitor(browser, url)
    page = visitor.page
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page = visitor.open_page("/console/gpus")
    page.get_by_text("Table of the picture", exact=True).first.click()
    del asked[:]
    with page.expect_response("**/console/gpus"):
        page.clock.run_for(15_000)
    page.wait_for_function("document.querySelector('#gpus details').open")
    assert asked == [f"{url}/console/gpus"]

    page.evaluate(VISIBILITY % "hidden")
    page.clock.run_for(60_000)
    assert asked == [f"{url}/console/gpus"]

    page.evaluate(VISIBILITY % "visible")
    page.route("**/console/gpus", lambda route: route.fulfill(status=503))
    page.clock.run_for(15_000)
    page.get_by_text("This page could not be refreshed").wait_for()
    page.unroute("**/console/gpus")
    page.clock.run_for(15_000)
    page.get_by_text("This page could not be refreshed").wait_for(state="detached")
    visitor.close()


def test_a_person_signs_in_and_out_by_keyboard(browser: Browser, guarded: Webhook) -> None:
    visitor = Visitor(browser, guarded.url)
    visitor.open("/console/?format=html")
    assert visitor.page.url == f"{guarded.url}/console/sign-in?next=/console/%3Fformat%3Dhtml"

    visitor.page.get_by_label("Token").focus()
    visitor.page.keyboard.type(TOKEN)
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_url(f"{guarded.url}/console/?format=html")
    assert visitor.page.locator(".account span").text_content() == "ann"

    visitor.page.get_by_role("button", name="Sign out").focus()
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_url(f"{guarded.url}/console/sign-in")
    visitor.open("/console/")
    assert "/console/sign-in" in visitor.page.url
    visitor.close()


def test_hostile_names_are_only_text(browser: Browser, start_webhook) -> None:
    webhook = start_webhook(workers=1)
    service = {
        "image": HOSTILE,
        "privileged": True,
        "devices": [f"/dev/{HOSTILE}"],
        "volumes": [f"/var/run/{HOSTILE}:/x"],
        "labels": {HOSTILE: HOSTILE},
        "environment": {HOSTILE: HOSTILE},
    }
    project = json.dumps({"services": {"web": service}})
    review = {
        "apiVersion": "policyd/v1",
        "kind": "ComposeReview",
        "request": {
            "uid": HOSTILE,
            "userInfo": {"username": HOSTILE, "groups": [HOSTILE]},
            "source": {
                "repository": HOSTILE,
                "environment": HOSTILE,
                "host": HOSTILE,
                "commit": HOSTILE,
                "ref": HOSTILE,
            },
            "project": {"files": {"compose.yaml": project}},
        },
    }
    answer = requests.post(f"{webhook.url}/v1/review", json=review)
    assert answer.status_code == 200, answer.text
    visitor = Visitor(browser, webhook.url)
    for path in pages(browser, webhook.url):
        visitor.open(path)
        assert visitor.page.locator("img").count() == 0, path
    visitor.open("/console/decisions")
    assert HOSTILE in visitor.page.inner_text("main")
    assert visitor.problems == []
    visitor.close()


def test_five_tasks_take_few_clicks_from_the_overview(visit) -> None:
    visitor = visit()
    page = visitor.page

    def overview() -> None:
        visitor.open("/console/")

    overview()  # who holds GPU 3 of gpu-01? One click.
    page.get_by_role("link", name="gpu-01").first.click()
    assert "ml/serving triton" in page.get_by_role("row", name="gpu-01 3").inner_text()

    overview()  # why was ml/train refused yesterday? One click.
    page.get_by_role("link", name="2026-06-29 15:00:00 UTC").click()
    assert "service trainer gets every GPU of the host" in page.inner_text("main")

    overview()  # which exceptions end this week? None: the overview has them.
    ending = page.locator("section", has_text="Exceptions that expire within 7 days").first
    assert [row.split()[0] for row in ending.locator("tbody tr").all_inner_texts()] == [
        "speech-outage",
        "notebooks-from-docker-hub",
        "exporter-sees-processes",
    ]

    overview()  # the GPU-hours of a team last month as CSV? One click.
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").first.click()
    assert download.value.path().read_text().startswith("Team,GPU-hours,")

    overview()  # would this file pass in prod? Two clicks.
    page.get_by_role("link", name="Playground").click()
    page.get_by_label("Content of file 1").fill(PRIVILEGED)
    page.get_by_label("Environment").fill("prod")
    page.get_by_role("button", name="Evaluate").click()
    page.get_by_text("compose.yaml:4:17").first.wait_for()
