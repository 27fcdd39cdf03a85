"""The generated pages of the documentation are current, and there are no others."""

from __future__ import annotations

import pytest

from tests.docs.pages import FOLDER, pages

PAGES = pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_generated_page_is_current(name: str) -> None:
    path = FOLDER / name

    assert path.is_file(), "run `make docs-pages`"
    assert path.read_text() == PAGES[name], "run `make docs-pages`"


def test_no_page_of_the_catalogue_is_left_over() -> None:
    found = {f"catalogue/{path.name}" for path in (FOLDER / "catalogue").glob("*.md")}

    assert found == {name for name in PAGES if name.startswith("catalogue/")}
