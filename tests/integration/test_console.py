"""The console in a real browser: with and without JavaScript, by keyboard, accessible to all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.browser import AXE, Visitor, absent, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.conftest import Webhook

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TOKEN: Final = "a-token-for-ann"
MAX_PAGE: Final = 60_000
"""Bytes of a page."""
PAGES: Final = ["/console/"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def webhook(start_webhook: Callable[..., Webhook]) -> Webhook:
    return start_webhook(workers=1)


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
def visit(browser: Browser, webhook: Webhook) -> Iterator[Callable[..., Visitor]]:
    """A function that makes a visitor of the console with these options of the browser."""
    visitors: list[Visitor] = []

    def make(**options: Any) -> Visitor:
        visitors.append(Visitor(browser, webhook.url, **options))
        return visitors[-1]

    yield make
    for visitor in visitors:
        assert visitor.problems == []
        visitor.close()


def test_each_page_is_complete_with_and_without_javascript(visit) -> None:
    for javascript in (True, False):
        visitor = visit(java_script_enabled=javascript)
        for path in PAGES:
            assert visitor.open(path) == 200, path
            assert visitor.page.locator("h1").count() == 1, path
            assert len(visitor.page.content()) <= MAX_PAGE, path


def test_each_page_is_accessible_in_both_colour_schemes(visit) -> None:
    if not AXE.exists():
        absent("axe-core, which .ci/run fetches")
    for scheme in ("light", "dark"):
        visitor = visit(color_scheme=scheme)
        for path in [*PAGES, "/console/sign-in"]:
            visitor.open(path)
            assert visitor.axe() == [], f"{path} in {scheme}"


def test_no_page_scrolls_sideways_on_a_telephone(visit) -> None:
    for width in (320, 768, 1600):
        visitor = visit(viewport={"width": width, "height": 800})
        for path in PAGES:
            visitor.open(path)
            assert visitor.width() <= width, f"{path} at {width} pixels"


def test_the_keyboard_reaches_the_pages_in_their_order(visit) -> None:
    visitor = visit()
    visitor.open("/console/")
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    visitor.page.keyboard.press("Enter")
    assert visitor.page.evaluate("document.activeElement.id") == "main"


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
