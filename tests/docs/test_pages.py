"""The generated pages of the documentation are current, and there are no others."""

from __future__ import annotations

from tests.docs.pages import FOLDER, pages


def test_the_generated_pages_are_current_and_no_page_of_the_catalogue_is_left_over() -> None:
    generated = pages()
    stale = [
        name
        for name, text in generated.items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_text() != text
    ]
    catalogue = {f"catalogue/{path.name}" for path in (FOLDER / "catalogue").glob("*.md")}

    assert stale == [], "run `make docs-pages`"
    assert catalogue == {name for name in generated if name.startswith("catalogue/")}
