"""A real browser for tests of the console: Chromium, driven by Playwright.

Every page that a test opens is watched: what it writes on its console, also about its content
security policy, and errors of its script.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AXE: Final = Path(__file__).parents[2] / ".bench/tools/axe/axe.min.js"
"""The accessibility rules of Deque, which `.ci/run` fetches."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium; skip the tests where it or Playwright is absent, and fail in CI."""
    program = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("Playwright: make .venv/browser")
    if program is None:
        absent("chromium")
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root.
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


def absent(what: str) -> None:
    """Skip the test because `what` is not installed; in CI, it fails."""
    message = f"this needs {what}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


class Visitor:
    """A person with a browser at `url`. `problems` is what the pages complained about."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.problems: list[str] = []
        self._url = url
        self._context = browser.new_context(**options)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def open(self, path: str) -> int:
        """Open the page at `path` and return its status code."""
        answer = self.page.goto(f"{self._url}{path}")
        assert answer is not None
        return answer.status

    def open_page(self, path: str) -> Page:
        """Open the page at `path` and return it."""
        assert self.open(path) == 200
        return self.page

    def axe(self) -> list[str]:
        """Return the accessibility rules of WCAG 2.2 AA that the page violates, with the places."""
        # Evaluated by the debugger: the content security policy keeps out scripts of others.
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(
            "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', "
            "'best-practice']})"
        )
        return [
            f"{one['id']}: {node['html'][:200]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def width(self) -> int:
        """Return how many pixels wide the content is."""
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    def close(self) -> None:
        self._context.close()
