"""The console on a made-up history, and its pages, found by following its links."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec
from werkzeug.serving import make_server

from policyd.bootstrap import build
from policyd.settings_reader import load_settings
from policyd.web.app import create_app
from policyd.web.console.pages import NAVIGATION
from tests.support.history import History

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_ONE_OF: Final = re.compile(
    r"/console/(?:(decisions|policies)/[^/?]+|(projects/project|gpus/hours)\?.+|(grants)/.+)"
)
"""Pages about one thing, of which one is enough."""


def pages(browser: Browser, url: str) -> list[str]:
    """Return the paths of the pages at `url`: those of the menu, and one of each other kind."""
    page = browser.new_page()
    kinds: dict[str, str] = {}
    for path in NAVIGATION:
        page.goto(f"{url}{path}")
        links = page.eval_on_selector_all("a", "links => links.map(a => a.getAttribute('href'))")
        for link in links:
            if (found := _ONE_OF.fullmatch(link)) and "format=" not in link:
                kinds.setdefault(str(found[found.lastindex or 0]), link)
    page.close()
    return [*NAVIGATION, *kinds.values()]


@contextmanager
def served(history: History) -> Iterator[str]:
    """Serve `history` at the time of its end while the context is open; yield the URL."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    settings = load_settings(str(history.folder / "policyd.toml"), {}, {})
    services = msgspec.structs.replace(build(settings), clock=lambda: history.now)
    server = make_server("127.0.0.1", 0, create_app(services), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        services.close()
