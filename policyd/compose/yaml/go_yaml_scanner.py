"""Split a YAML file into tokens, as go-yaml v4 does.

In: the text of a file. Out: PyYAML's tokens, which its parser reads (go_yaml_parser.py). Source:
go-yaml v4.0.0 internal/libyaml/scanner.go (fetchNextToken, scanToNextToken, rollIndent). It is a
port of libyaml, and differs from it in white space, comments, flow style, anchors and tags.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from yaml import Mark
from yaml.tokens import (
    AliasToken,
    AnchorToken,
    BlockEndToken,
    BlockEntryToken,
    BlockMappingStartToken,
    BlockSequenceStartToken,
    DirectiveToken,
    DocumentEndToken,
    DocumentStartToken,
    FlowEntryToken,
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    KeyToken,
    ScalarToken,
    StreamEndToken,
    StreamStartToken,
    TagToken,
    Token,
    ValueToken,
)

from policyd.compose.limits import MAX_DEPTH
from policyd.compose.yaml.go_yaml_cursor import (
    BLANKS_OR_END,
    BREAKS,
    BREAKS_OR_END,
    END,
    FLOW_INDICATORS,
    Cursor,
)
from policyd.compose.yaml.go_yaml_scalars import scan_block, scan_plain, scan_quoted
from policyd.compose.yaml.go_yaml_tags import scan_anchor, scan_directive, scan_tag

_FLOW_TOKENS: Final[dict[str, Any]] = {
    "[": FlowSequenceStartToken,
    "{": FlowMappingStartToken,
    "]": FlowSequenceEndToken,
    "}": FlowMappingEndToken,
}
_NOT_PLAIN: Final = BLANKS_OR_END + "-?:,[]{}#&*!|>'\"%@`"
_BEFORE_COLON_TEXT: Final = (ValueToken, KeyToken, FlowMappingStartToken)
_BEFORE_FLOW_ITEM: Final = (FlowEntryToken, FlowSequenceStartToken)


class _SimpleKey:
    """The token that becomes a key if a `:` follows it."""

    __slots__ = ("flow_level", "is_possible", "is_required", "mark", "number")

    def __init__(self) -> None:
        self.is_possible = False
        self.is_required = False
        self.flow_level = 0
        self.number = 0
        self.mark: Mark | None = None


class Scanner:
    """The tokens of `text`, in order; `name` is the name of the file in marks."""

    def __init__(self, text: str, name: str) -> None:
        self.cursor = Cursor(text, name)
        self.tokens: deque[Token] = deque()
        self.taken = 0
        self.previous: Token | None = None
        self.flow_level = 0
        self.indent = -1
        self.indents: list[int] = []
        self.indenting_tab: Mark | None = None
        self.key_allowed = True
        self.key = _SimpleKey()
        self.outer_keys: list[_SimpleKey] = []
        self.has_ended = False
        mark = self.cursor.mark()
        self.append(StreamStartToken(mark, mark, encoding="utf-8"))

    def check_token(self, *choices: type[Token]) -> bool:
        """Return whether the next token is one of `choices`."""
        return isinstance(self.peek_token(), choices)

    def peek_token(self) -> Token:
        """Return the next token. Raises ScannerError."""
        while self.needs_more_tokens():
            self.fetch_token()
        return self.tokens[0]

    def get_token(self) -> Token:
        """Return the next token and move behind it. Raises ScannerError."""
        self.peek_token()
        self.taken += 1
        return self.tokens.popleft()

    def needs_more_tokens(self) -> bool:
        """Return whether the next token is not certain: it may be what follows a possible key."""
        if self.has_ended:
            return False
        if not self.tokens:
            return True
        first = self.outer_keys[0] if self.outer_keys else self.key
        return first.is_possible and first.number == self.taken

    def append(self, token: Token) -> None:
        self.tokens.append(token)
        self.previous = token

    def fetch_token(self) -> None:
        """Append the next token, and those that its indentation starts or ends."""
        self.skip_to_token()
        cursor = self.cursor
        self.unroll_indent(cursor.column)
        char = cursor.char
        if char == END:
            self.fetch_stream_end()
        elif char == "%" and cursor.column == 0:
            self.fetch_directive()
        elif cursor.is_document_indicator():
            self.fetch_document_indicator()
        else:
            self.fetch_content(char)
            if cursor.char == "#" and self.is_glued():
                raise cursor.error("a comment needs a space before the '#'")

    def is_glued(self) -> bool:
        """Return whether the last token ends here, and is not a block scalar."""
        last = self.previous
        is_block = isinstance(last, ScalarToken) and last.style in ("|", ">")
        return last is not None and not is_block and last.end_mark.index == self.cursor.at

    def fetch_content(self, char: str) -> None:
        """Append the token that begins with `char`."""
        following = self.cursor.text[self.cursor.at + 1]
        in_block = self.flow_level == 0
        if char in "[{":
            self.fetch_flow_start(char)
        elif char in "]}":
            self.fetch_flow_end(char)
        elif char == ",":
            self.remove_key()
            self.append_indicator(FlowEntryToken, key_allowed=True)
        elif char == "-" and following in BLANKS_OR_END:
            self.fetch_block_entry()
        elif char == "?" and following in BLANKS_OR_END:
            self.fetch_key()
        elif char == ":" and self.is_value_indicator(following):
            self.fetch_value()
        elif char in "*&":
            self.fetch_anchor(AliasToken if char == "*" else AnchorToken)
        elif char == "!":
            self.fetch_tag()
        elif char in "|>" and in_block:
            self.fetch_block_scalar(char)
        elif char in "'\"":
            self.fetch_quoted(char)
        elif self.starts_plain(char, following):
            self.fetch_plain()
        else:
            raise self.cursor.error(f"{char!r} cannot start a value: quote it")

    def is_value_indicator(self, following: str) -> bool:
        """Return whether the `:` here separates a key from its value."""
        if following in BLANKS_OR_END:
            return True
        if self.flow_level == 0 or isinstance(self.previous, _BEFORE_FLOW_ITEM):
            return False
        return following in FLOW_INDICATORS or not isinstance(self.previous, _BEFORE_COLON_TEXT)

    def starts_plain(self, char: str, following: str) -> bool:
        """Return whether a plain scalar starts here."""
        if char == "-":
            return self.flow_level == 0 or following not in FLOW_INDICATORS
        return char in "?:" or char not in _NOT_PLAIN

    # White space and indentation.

    def skip_to_token(self) -> None:
        """Move over blanks, comments and line breaks."""
        cursor = self.cursor
        while True:
            with_tabs = self.flow_level > 0 or not self.key_allowed
            while cursor.char == " " or (with_tabs and cursor.char == "\t"):
                cursor.at += 1
            if cursor.char == "\t" and self.flow_level == 0:
                self.skip_tabs()
            if cursor.char == "#":
                cursor.skip_to_break()
            if cursor.char not in BREAKS:
                return
            cursor.read_break()
            if self.flow_level == 0:
                self.key_allowed = True

    def skip_tabs(self) -> None:
        """Move over tabs where a key may start. They cannot indent a block collection."""
        cursor, last = self.cursor, self.previous
        mark = cursor.mark()
        if last is not None:
            follows_dash = isinstance(last, BlockEntryToken) and last.end_mark.line == cursor.line
            if follows_dash or (cursor.line > last.end_mark.line and cursor.column > self.indent):
                self.indenting_tab = mark
                cursor.skip_blanks()
                return
        cursor.skip_blanks()
        if self.indent < 0 and cursor.char in "[{":
            self.indenting_tab = mark
        elif cursor.char not in BREAKS_OR_END and cursor.char != "#":
            raise cursor.error("a tab cannot be part of the indentation: use spaces", mark)

    def roll_indent(self, column: int, number: int | None, kind: Any, mark: Mark) -> None:
        """Start a block collection if `column` is deeper than the current one.

        Its token comes before the token `number` (None: at the end).
        """
        if self.flow_level > 0 or self.indent >= column:
            return
        if self.indenting_tab is not None and self.indenting_tab.line == mark.line:
            raise self.cursor.error(
                "a tab cannot be part of the indentation: use spaces", self.indenting_tab
            )
        self.indents.append(self.indent)
        self.indent = column
        token = kind(mark, mark)
        if number is None:
            self.append(token)
        else:
            self.tokens.insert(number - self.taken, token)

    def unroll_indent(self, column: int) -> None:
        """End the block collections that are deeper than `column`."""
        if self.flow_level > 0:
            return
        mark = self.cursor.mark()
        while self.indent > column:
            self.append(BlockEndToken(mark, mark))
            self.indent = self.indents.pop()

    # Simple keys.

    def save_key(self) -> None:
        """Note that a key may start here."""
        if not self.key_allowed:
            return
        self.remove_key()
        key = self.key
        key.is_possible = True
        key.is_required = self.flow_level == 0 and self.indent == self.cursor.column
        key.flow_level = self.flow_level
        key.number = self.taken + len(self.tokens)
        key.mark = self.cursor.mark()

    def remove_key(self) -> None:
        """Note that no `:` follows the possible key of this level."""
        if self.key.is_required:
            raise self.cursor.error("expected ':' after this key", self.key.mark)
        self.key.is_possible = False

    def fetch_stream_end(self) -> None:
        self.end_document()
        self.key, self.outer_keys = _SimpleKey(), []
        mark = self.cursor.mark()
        self.append(StreamEndToken(mark, mark))
        self.has_ended = True

    def end_document(self) -> None:
        self.unroll_indent(-1)
        self.remove_key()
        self.key_allowed = False

    def fetch_directive(self) -> None:
        self.end_document()
        start = self.cursor.mark()
        name, value = scan_directive(self.cursor)
        self.append(DirectiveToken(name, value, start, self.cursor.mark()))

    def fetch_document_indicator(self) -> None:
        self.end_document()
        cursor = self.cursor
        is_end = cursor.char == "."
        start = cursor.mark()
        cursor.at += 3
        end = cursor.mark()
        if is_end:
            cursor.skip_blanks()
            if cursor.char not in BREAKS_OR_END and cursor.char != "#":
                raise cursor.error("only a comment can follow '...'")
        self.append((DocumentEndToken if is_end else DocumentStartToken)(start, end))

    def append_indicator(self, kind: Any, *, key_allowed: bool) -> None:
        """Append the token of a single character."""
        self.key_allowed = key_allowed
        start = self.cursor.mark()
        self.cursor.at += 1
        self.append(kind(start, self.cursor.mark()))

    def fetch_flow_start(self, char: str) -> None:
        self.save_key()
        self.flow_level += 1
        if self.flow_level > MAX_DEPTH:
            raise self.cursor.error(f"more than {MAX_DEPTH} levels of nesting")
        if self.key.is_possible:
            self.outer_keys.append(self.key)
        self.key = _SimpleKey()
        self.append_indicator(_FLOW_TOKENS[char], key_allowed=True)

    def fetch_flow_end(self, char: str) -> None:
        self.remove_key()
        if self.flow_level > 0:
            self.flow_level -= 1
            if self.outer_keys and self.outer_keys[-1].flow_level == self.flow_level:
                self.key = self.outer_keys.pop()
        self.append_indicator(_FLOW_TOKENS[char], key_allowed=False)

    def fetch_block_entry(self) -> None:
        if self.flow_level == 0:
            if not self.key_allowed:
                raise self.cursor.error("a list item cannot start here")
            mark = self.cursor.mark()
            self.roll_indent(mark.column, None, BlockSequenceStartToken, mark)
        self.remove_key()
        self.append_indicator(BlockEntryToken, key_allowed=True)

    def fetch_key(self) -> None:
        in_block = self.flow_level == 0
        if in_block:
            if not self.key_allowed:
                raise self.cursor.error("a key cannot start here")
            mark = self.cursor.mark()
            self.roll_indent(mark.column, None, BlockMappingStartToken, mark)
        self.remove_key()
        self.append_indicator(KeyToken, key_allowed=in_block)

    def fetch_value(self) -> None:
        cursor, key = self.cursor, self.key
        in_block = self.flow_level == 0
        if not in_block and cursor.column <= self.indent:
            raise cursor.error("this ':' must be indented more than the block around it")
        if key.is_possible and key.mark is not None and key.mark.line == cursor.line:
            self.tokens.insert(key.number - self.taken, KeyToken(key.mark, key.mark))
            self.roll_indent(key.mark.column, key.number, BlockMappingStartToken, key.mark)
            key.is_possible = key.is_required = False
            self.append_indicator(ValueToken, key_allowed=False)
            return
        if in_block:
            if not self.key_allowed:
                raise cursor.error("a ':' cannot follow here: quote the text, or start a new line")
            mark = cursor.mark()
            self.roll_indent(mark.column, None, BlockMappingStartToken, mark)
        self.append_indicator(ValueToken, key_allowed=in_block)

    def fetch_anchor(self, kind: Any) -> None:
        self.save_key()
        self.key_allowed = False
        start = self.cursor.mark()
        name = scan_anchor(self.cursor)
        self.append(kind(name, start, self.cursor.mark()))

    def fetch_tag(self) -> None:
        self.save_key()
        self.key_allowed = False
        start = self.cursor.mark()
        tag = scan_tag(self.cursor, self.flow_level > 0)
        self.append(TagToken(tag, start, self.cursor.mark()))

    def fetch_block_scalar(self, style: str) -> None:
        self.remove_key()
        self.key_allowed = True
        start = self.cursor.mark()
        text = scan_block(self.cursor, self.indent)
        self.append(ScalarToken(text, False, start, self.cursor.mark(), style))

    def fetch_quoted(self, style: str) -> None:
        self.save_key()
        self.key_allowed = False
        start = self.cursor.mark()
        text = scan_quoted(self.cursor)
        self.append(ScalarToken(text, False, start, self.cursor.mark(), style))

    def fetch_plain(self) -> None:
        self.save_key()
        self.key_allowed = False
        start = self.cursor.mark()
        scalar = scan_plain(self.cursor, self.indent + 1, self.flow_level > 0)
        self.append(ScalarToken(scalar.text, True, start, scalar.end))
        if scalar.ends_line:
            self.key_allowed = True
