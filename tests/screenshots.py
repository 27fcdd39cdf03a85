"""Take the pictures of the console that README and docs show: `make screenshots`.

    python -m tests.screenshots [FOLDER]

Serves a made-up quarter whose last day is always the same, so that a picture changes only with the
console. With FOLDER, it also takes every page there, in both colour schemes and at three widths, to
look at them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.browser import chromium
from tests.support.console import pages, served
from tests.support.history import record

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES: Final = Path(__file__).parents[1] / "docs/images"
PICTURES: Final = {
    "console-overview": "/console/",
    "console-gpus": "/console/gpus",
}
"""The pictures in README and docs, and what they show."""
WIDTHS: Final = (320, 768, 1280)


def main() -> int:
    """Take the pictures, and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="policyd-console-") as folder, chromium() as browser:
        print("Recording a made-up quarter of decisions …", flush=True)
        with served(record(Path(folder))) as url:
            IMAGES.mkdir(exist_ok=True)
            for name, path in PICTURES.items():
                take(browser, f"{url}{path}", IMAGES / f"{name}.png", 1280, "light")
            if len(sys.argv) > 1:
                take_all(browser, url, Path(sys.argv[1]))
    return 0


def take_all(browser: Browser, url: str, folder: Path) -> None:
    """Take every page at `url` in each colour scheme and width into `folder`."""
    folder.mkdir(exist_ok=True)
    for path in pages(browser, url):
        name = path.removeprefix("/console/").partition("?")[0].replace("/", "-")[:24] or "overview"
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                file = folder / f"{name}-{width}-{scheme}.png"
                take(browser, f"{url}{path}", file, width, scheme)


def take(browser: Browser, url: str, file: Path, width: int, scheme: str) -> None:
    """Write a picture of the page at `url` to `file`."""
    page = browser.new_page(viewport={"width": width, "height": 820}, color_scheme=scheme)
    page.goto(url)
    page.screenshot(path=file, full_page=True)
    page.close()
    print(file, flush=True)


if __name__ == "__main__":
    sys.exit(main())
