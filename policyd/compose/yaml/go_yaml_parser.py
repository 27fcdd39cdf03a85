"""Parse a YAML file into events, as go-yaml v4 does.

In: the text of a file. Out: PyYAML's events. It reads the files that libyaml refuses, or reads
otherwise than Docker (libyaml_differences.py). Source: go-yaml v4.0.0 internal/libyaml/parser.go.
"""

from __future__ import annotations

from typing import Any

from yaml.events import MappingStartEvent
from yaml.parser import Parser as YamlParser
from yaml.parser import ParserError
from yaml.tokens import (
    DirectiveToken,
    DocumentEndToken,
    DocumentStartToken,
    FlowEntryToken,
    FlowSequenceEndToken,
    KeyToken,
    StreamEndToken,
    ValueToken,
)

from policyd.compose.yaml.go_yaml_scanner import Scanner


class Parser(Scanner, YamlParser):
    """Parses `text` into the same events as libyaml; `name` is what marks call the file.

    The grammar is PyYAML's. These methods are its states that go-yaml has otherwise.
    """

    def __init__(self, text: str, name: str) -> None:
        Scanner.__init__(self, text, name)
        YamlParser.__init__(self)

    def parse_implicit_document_start(self) -> Any:
        while self.check_token(DocumentEndToken):
            self.get_token()
        return super().parse_implicit_document_start()  # type: ignore[no-untyped-call]

    def parse_document_end(self) -> Any:
        """Parse the end of a document: only a `...` allows a directive or a text to follow."""
        has_mark = self.check_token(DocumentEndToken)
        token = self.peek_token()
        if isinstance(token, DirectiveToken):
            raise ParserError(
                None,
                None,
                "a directive needs '...' at the end of the document before it",
                token.start_mark,
            )
        if not has_mark and not self.check_token(DocumentStartToken, StreamEndToken):
            raise ParserError(None, None, "expected '---' or the end of the file", token.start_mark)
        event = super().parse_document_end()
        if has_mark:
            self.state = self.parse_implicit_document_start
        return event

    def parse_block_mapping_key(self) -> Any:
        if self.check_token(ValueToken):
            return self.parse_empty_key(self.parse_block_mapping_value)
        return super().parse_block_mapping_key()  # type: ignore[no-untyped-call]

    def parse_empty_key(self, value_state: Any) -> Any:
        """Return the empty key before a `:`; `value_state` parses the value."""
        self.state = value_state
        return self.process_empty_scalar(self.peek_token().start_mark)

    def parse_flow_sequence_entry(self, first: bool = False) -> Any:
        """Parse an item, which may be a pair with an empty key."""
        if not first and self.check_token(FlowEntryToken):
            self.get_token()
            first = True
        if first and self.check_token(ValueToken):
            token = self.peek_token()
            self.state = self.parse_flow_sequence_entry_mapping_key
            return MappingStartEvent(
                None, None, True, token.start_mark, token.end_mark, flow_style=True
            )
        return super().parse_flow_sequence_entry(first=first)

    def parse_flow_sequence_entry_mapping_key(self) -> Any:
        if self.check_token(KeyToken):
            self.get_token()
        if self.check_token(ValueToken, FlowEntryToken, FlowSequenceEndToken):
            return self.parse_empty_key(self.parse_flow_sequence_entry_mapping_value)
        self.states.append(self.parse_flow_sequence_entry_mapping_value)
        return self.parse_flow_node()  # type: ignore[no-untyped-call]

    def parse_flow_mapping_key(self, first: bool = False) -> Any:
        """Parse a key, which may be empty."""
        if not first and self.check_token(FlowEntryToken):
            self.get_token()
            first = True
        if first and self.check_token(ValueToken):
            return self.parse_empty_key(self.parse_flow_mapping_value)
        return super().parse_flow_mapping_key(first=first)

    def parse_flow_mapping_empty_value(self) -> Any:
        """Parse the value of a key that ends on an earlier line than its `:`, or has none."""
        if self.check_token(ValueToken):
            return self.parse_flow_mapping_value()  # type: ignore[no-untyped-call]
        return super().parse_flow_mapping_empty_value()
