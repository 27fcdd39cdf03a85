"""The few files that libyaml reads otherwise than Docker's parser, through PyYAML's own scanner.

Docker's parser takes any visible ASCII character but `:` and the flow indicators in the name of an
anchor, keys of any length, `{a:}`, `\\'` in double quotes and the character DEL; libyaml does not.
Source: go-yaml v4 internal/libyaml/scanner.go and reader.go.
"""

from __future__ import annotations

import re
from typing import Any, Final

from yaml.parser import Parser as YamlParser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError
from yaml.tokens import AliasToken, AnchorToken

from policyd.compose.limits import MAX_DEPTH

_ANCHOR_ENDS: Final = frozenset("\0 \t\r\n\x85\u2028\u2029:,[]{}\ufeff")
_BLANKS: Final = frozenset("\0 \t\r\n\x85\u2028\u2029")
_AFTER_ANCHOR: Final = frozenset("\0 \t\r\n\x85\u2028\u2029?:,]}%@`")


class Parser(Reader, Scanner, YamlParser):
    """Parses `content` into the same events as libyaml; `name` is what marks call the file."""

    # PyYAML's stubs have these as constants of the instance.
    NON_PRINTABLE = re.compile(  # type: ignore[misc]
        "[^\t\n\r\x20-\x7f\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
    )
    ESCAPE_REPLACEMENTS = {  # type: ignore[misc]
        **{key: text for key, text in Scanner.ESCAPE_REPLACEMENTS.items() if key != "/"},
        "'": "'",
    }

    def __init__(self, content: bytes, name: str) -> None:
        Reader.__init__(self, content)
        self.name = name
        Scanner.__init__(self)
        YamlParser.__init__(self)

    def scan_anchor(self, TokenClass: type[AnchorToken | AliasToken]) -> Any:  # noqa: N803
        start = self.get_mark()
        kind = "alias" if self.peek() == "*" else "anchor"
        self.forward()
        length = 0
        while (char := self.peek(length)) not in _ANCHOR_ENDS and "!" <= char <= "~":
            length += 1
        name = self.prefix(length)
        self.forward(length)
        if not name or self.peek() not in _AFTER_ANCHOR:
            raise ScannerError(
                f"while scanning an {kind}", start, "the name of it was expected", self.get_mark()
            )
        return TokenClass(name, start, self.get_mark())

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # noqa: N803
        """Open a list or mapping in flow style; tokens are fetched ahead, in time by its depth."""
        if self.flow_level >= MAX_DEPTH:
            raise ScannerError(
                None, None, f"more than {MAX_DEPTH} levels of nesting", self.get_mark()
            )
        super().fetch_flow_collection_start(TokenClass)

    def check_key(self) -> bool:
        """Take a `?` before a blank only; texts that begin with one are refused in flow style."""
        is_key = self.peek(1) in _BLANKS
        if self.flow_level and not is_key:
            raise ScannerError(None, None, "quote a text with a '?' in flow style", self.get_mark())
        return is_key

    def stale_possible_simple_keys(self) -> None:
        """Forget possible keys of earlier lines; a key may be of any length."""
        for level in list(self.possible_simple_keys):
            key = self.possible_simple_keys[level]
            if key.line != self.line:
                if key.required:
                    raise ScannerError(
                        "while scanning a simple key",
                        key.mark,
                        "could not find expected ':'",
                        self.get_mark(),
                    )
                del self.possible_simple_keys[level]
