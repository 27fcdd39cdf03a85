"""The contract of formats: a function that returns a document as text.

A document is what a command prints: a report, a policy set, a page of the audit log. Each kind of
document has a type and a table of its formats, which `available` lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias, TypeVar

Document = TypeVar("Document", contravariant=True)


class Format(Protocol[Document]):
    """A format of one kind of document."""

    def __call__(self, document: Document, /, *, colour: bool = False) -> str:
        """Return `document` in this format: "", or lines of which each ends in a newline.

        `colour` allows the escape sequences of terminals. All other characters that control a
        terminal are escaped, whatever the document contains.
        """


Formats: TypeAlias = Mapping[str, Format[Document]]
"""The formats of one kind of document, by the name that `--format` takes."""
