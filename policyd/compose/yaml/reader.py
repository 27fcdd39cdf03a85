"""Read a Compose file: bytes in, one tree of nodes a YAML document out.

libyaml parses nearly all files, go_yaml_parser.py those that libyaml refuses or may read otherwise
than Docker's parser. `composer.py` builds the trees, `resolver.py` says what scalars mean.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final

import yaml

from policyd import deadline
from policyd.compose.limits import MAX_EXACT_PARSE_BYTES
from policyd.compose.yaml.alias_share import check_alias_shares
from policyd.compose.yaml.composer import Composer
from policyd.compose.yaml.document import Document
from policyd.compose.yaml.libyaml_differences import ReadDifferently, first_difference
from policyd.errors import ComposeError
from policyd.lazy_pattern import lazy_pattern
from policyd.limits import MAX_FILE
from policyd.model import Location

_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
"""How a file in UTF-16 begins."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

_FORBIDDEN: Final = lazy_pattern("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no YAML file may hold (go-yaml v4, reader.go)."""

_BREAK: Final = lazy_pattern("\r\n|[\r\n\x85\u2028\u2029]")

Parsers = Callable[[], Any]
"""Makes a parser of the file; each parser can be read once."""


def read_documents(content: bytes, name: str) -> list[Document]:
    """Return the documents of the file `content`; messages call it `name`.

    Raises ComposeError for what Docker does not read as YAML, and for what exceeds a limit.
    """
    if len(content) > MAX_FILE:
        raise ComposeError(
            f"the file has {len(content)} bytes, the limit is {MAX_FILE}", Location(name)
        )
    content = _in_utf_8(content, name)
    difference = first_difference(content)
    if difference is None:
        try:
            return _compose(lambda: yaml.CBaseLoader(_Stream(content, name)), name, is_libyaml=True)
        except (yaml.YAMLError, ReadDifferently) as error:
            if len(content) > MAX_EXACT_PARSE_BYTES and isinstance(error, yaml.YAMLError):
                raise _unreadable(error, name) from None
    return _read_exactly(content, name, difference)


def _read_exactly(content: bytes, name: str, difference: int | None) -> list[Document]:
    """Read a file with the parser that reads all of YAML as Docker does.

    `difference` is the index of the first byte that needs it, None for unknown.
    """
    text = _text(content, name)
    if len(content) > MAX_EXACT_PARSE_BYTES:
        at = len(content[: difference or 0].decode("utf-8", "replace"))
        raise ComposeError(
            f"the file has more than {MAX_EXACT_PARSE_BYTES} bytes and uses unusual YAML"
            + ("" if difference is None else " here")
            + ": split the file, or use plain YAML",
            Location(name) if difference is None else _location(text, at, name),
        )
    from policyd.compose.yaml import go_yaml_parser  # few files need it

    try:
        return _compose(lambda: go_yaml_parser.Parser(text, name), name, is_libyaml=False)
    except yaml.YAMLError as error:
        raise _unreadable(error, name) from None


def _compose(new_parser: Parsers, name: str, *, is_libyaml: bool) -> list[Document]:
    """Return the documents that a parser of `new_parser` reports."""
    deadline.check()
    composer = Composer(new_parser(), name, is_libyaml=is_libyaml)
    documents = composer.documents()
    if composer.has_many_aliases:
        check_alias_shares(new_parser())
    if composer.revealed:
        composer = Composer(new_parser(), name, is_libyaml=is_libyaml, revealed=composer.revealed)
        documents = composer.documents()
    return documents


def _in_utf_8(content: bytes, name: str) -> bytes:
    """Return `content` in UTF-8, without a byte order mark at its beginning.

    One inside is refused: what Docker reads there depends on the size of its buffer.
    """
    if content[:2] in _UTF_16:
        try:
            content = content.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise ComposeError(
                f"invalid UTF-16 at byte {error.start + 1} of the file", Location(name)
            ) from None
    else:
        content = content.removeprefix(_BYTE_ORDER_MARK)
    if b"\xef" in content and _BYTE_ORDER_MARK in content:
        at = content.index(_BYTE_ORDER_MARK)
        raise ComposeError(
            "a byte order mark is inside the file: remove it",
            _location(content[:at].decode("utf-8", "replace"), None, name),
        )
    return content


def _text(content: bytes, name: str) -> str:
    """Return `content` as text. Raises ComposeError for what a YAML file cannot hold."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        raise ComposeError(
            f"invalid UTF-8: byte 0x{content[error.start]:02x}. Save the file as UTF-8",
            _location(before, None, name),
        ) from None
    found = _FORBIDDEN.search(text)
    if found is not None:
        raise ComposeError(
            f"control character U+{ord(found.group()):04X} is not allowed in YAML",
            _location(text, found.start(), name),
        )
    return text


def _location(text: str, at: int | None, name: str) -> Location:
    """Return the place of the character `at` of `text` (None: behind its end)."""
    breaks = list(_BREAK.finditer(text, 0, len(text) if at is None else at))
    start = breaks[-1].end() if breaks else 0
    return Location(name, len(breaks) + 1, (len(text) if at is None else at) - start + 1)


class _Stream(io.BytesIO):
    """The bytes of a file, with the name that the parser's marks take."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


_SAME_INDENTATION: Final = "on a line of its own and with the same indentation"
_EXPECTED: Final = {
    "while parsing a block mapping": (
        "expected the next key of the mapping that starts at line {}, " + _SAME_INDENTATION
    ),
    "while parsing a block collection": (
        "expected the next '-' of the list that starts at line {}, " + _SAME_INDENTATION
    ),
    "while parsing a flow sequence": "expected ',' or ']' in the list that starts at line {}",
    "while parsing a flow mapping": "expected ',' or '}}' in the mapping that starts at line {}",
    "while parsing a flow node": "expected a value",
    "while parsing a block node": "expected a value",
}
"""What the grammar of PyYAML's parser expects, by the context and with the line that it reports."""


def _unreadable(error: yaml.YAMLError, name: str) -> ComposeError:
    """Return the error for a file that a parser refuses with `error`."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = Location(name, mark.line + 1, mark.column + 1) if mark else Location(name)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    context = getattr(error, "context", None) or ""
    start = getattr(error, "context_mark", None)
    if context in _EXPECTED and start is not None:
        problem = _EXPECTED[context].format(start.line + 1)
    return ComposeError(f"not valid YAML: {' '.join(problem.split())}", where)
