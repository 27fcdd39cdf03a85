"""`make docs-pages`: write the generated pages of the documentation, and remove stale ones."""

from __future__ import annotations

from tests.docs.pages import FOLDER, pages

written = pages()
for page in sorted((FOLDER / "catalogue").glob("*.md")):
    if f"catalogue/{page.name}" not in written:
        page.unlink()
for name, text in written.items():
    path = FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
