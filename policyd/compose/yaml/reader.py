"""Read a Compose file: bytes in, one tree of nodes a YAML document out.

Structure comes from libyaml, of which Docker's parser (go-yaml v4) is a port; here stands where the
two differ. What scalars mean is in `resolver.py`, what becomes of the events in `composer.py`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any, Final

import yaml

from policyd.compose.limits import (
    MAX_DIRECTIVES,
    MAX_DOCUMENTS,
    MAX_SLOW_PARSE_BYTES,
)
from policyd.compose.yaml.composer import Composer
from policyd.compose.yaml.document import Document
from policyd.compose.yaml.libyaml_differences import ODD_ANCHOR
from policyd.errors import ComposeError
from policyd.limits import MAX_FILE
from policyd.model import Location

_EARLY_END: Final = re.compile(rb"((?:[ ]*+(?:#[^\n]*+)?\r?\n)*+\.\.\.)(?=[ \t\r\n]|\Z)")
"""The end of a document that has not begun."""

_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
"""How a file in UTF-16 begins."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


_ERRORS: Final = (yaml.YAMLError, RecursionError, ValueError, OverflowError, IndexError)
"""What parsing may raise on bytes that are not YAML."""


def read_documents(content: bytes, name: str) -> list[Document]:
    """Return the documents of the file `content`; `name` is how messages call it.

    Raises ComposeError for what is not YAML as Docker reads it, or passes a limit.
    """
    if len(content) > MAX_FILE:
        raise ComposeError(
            f"the file has {len(content)} bytes, the limit is {MAX_FILE}", Location(name)
        )
    content = _without_odd_marks(content, name)
    try:
        return _compose(lambda: yaml.CBaseLoader(_Stream(content, name)), content, name)
    except yaml.YAMLError as error:
        if _may_be_read(error):
            return _compose_slowly(content, name)
        raise _unreadable(error, name) from None


def _without_odd_marks(content: bytes, name: str) -> bytes:
    """Return `content` as libyaml should read it, where it differs from Docker's parser.

    UTF-16 becomes UTF-8, without a byte order mark. A `...` before any document is blanked out. A
    byte order mark inside a file is refused: to Docker it is text, libyaml may skip it. So are
    directives and such `...` in great number.
    """
    if content[:2] in _UTF_16:
        try:
            content = content.decode("utf-16").encode()
        except UnicodeDecodeError:
            return content  # libyaml refuses it, and says where
    elif content[3:5] not in _UTF_16:
        content = content.removeprefix(_BYTE_ORDER_MARK)
    if b"%" in content and content.count(b"\n%") > MAX_DIRECTIVES:
        raise ComposeError(f"more than {MAX_DIRECTIVES} YAML directives", Location(name))
    if b"\xef" in content and _BYTE_ORDER_MARK in content:
        raise ComposeError("a byte order mark stands inside the file: remove it", Location(name))
    for _ in range(MAX_DOCUMENTS):
        match = _EARLY_END.match(content)
        if match is None:
            return content
        content = content[: match.end(1) - 3] + b"   " + content[match.end(1) :]
    raise ComposeError(f"more than {MAX_DOCUMENTS} times ... before a document", Location(name))


def _may_be_read(error: yaml.YAMLError) -> bool:
    """Say whether the slow parser may read what libyaml refuses with `error`."""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None)
    return problem in (
        ODD_ANCHOR,
        "could not find expected ':'",
        "control characters are not allowed",
        "found character that cannot start any token",
        "found unexpected ':'",
        "found unknown escape character",
        "mapping values are not allowed in this context",
    )


def _compose_slowly(content: bytes, name: str) -> list[Document]:
    """Read a file that libyaml refuses or reads otherwise than Docker's parser."""
    if len(content) > MAX_SLOW_PARSE_BYTES:
        raise ComposeError(
            "not valid YAML to libyaml, and too long for the slower parser: name anchors with "
            "letters and digits, and keep keys short",
            Location(name),
        )
    from policyd.compose.yaml import python_parser  # hardly a file needs it

    try:
        return _compose(lambda: python_parser.Parser(content, name), content, name)
    except yaml.YAMLError as error:
        raise _unreadable(error, name) from None


def _compose(parser: Callable[[], Any], content: bytes, name: str) -> list[Document]:
    try:
        composer = Composer(parser(), content, name)
        documents = composer.documents()
        if composer.revealed:
            documents = Composer(parser(), content, name, composer.revealed).documents()
        return documents
    except _ERRORS as error:
        if isinstance(error, yaml.YAMLError):
            raise
        raise ComposeError(f"not valid YAML: {error}", Location(name)) from None


class _Stream(io.BytesIO):
    """The bytes of a file, with the name that the parser's marks take."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def _unreadable(error: yaml.YAMLError, name: str) -> ComposeError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = Location(name, mark.line + 1, mark.column + 1) if mark else Location(name)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    context = getattr(error, "context", None)
    text = f"{problem} ({context})" if context else f"{problem}"
    return ComposeError(f"not valid YAML: {' '.join(text.split())}", where)
