"""Build nodes from the events of a YAML parser, as Docker's parser builds its own.

In: a parser of one file. Out: a tree a document. Duplicate keys, merge keys, aliases, `!reset` and
`!override` follow go-yaml v4 (composer.go, constructor.go) and compose-go (loader/reset.go).
Anchors live across the documents of a file.
"""

from __future__ import annotations

from typing import Any, Final

from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from policyd.compose.limits import (
    MAX_DEPTH,
    MAX_DOCUMENTS,
    MAX_EXPANDED_NODES,
    MAX_NODE_VISITS,
    MAX_TEXT_GROWTH,
)
from policyd.compose.nodes import Mark, Node
from policyd.compose.oddtext import SourceText
from policyd.compose.resolver import LONG_TAG, MERGE, resolve_plain, resolve_tagged
from policyd.errors import ComposeError
from policyd.model import Location

RESET: Final = "!reset"
OVERRIDE: Final = "!override"


class Document:
    """One YAML document of a file: its tree, and the `name` it gives the project ("" for none)."""

    __slots__ = ("name", "root")

    def __init__(self, root: Node, name: str) -> None:
        self.root = root
        self.name = name


class Composer:
    """Builds nodes from the parser's events. One a file, since anchors outlive documents.

    Below `!override` (`overridden`) tags are no more looked at; what is below `!reset` (`dropped`)
    is not judged.
    """

    def __init__(self, parser: Any, content: bytes, name: str) -> None:
        self.get = parser.get_event
        self.source = SourceText(content)
        self.file = name
        self.anchors: dict[str, tuple[Node | None, int]] = {}
        self.visits = 0
        self.aliased = 0
        self.dropped = 0
        self.overridden = 0
        self.depth = 0
        self.flow = 0
        self.texts = 0
        self.project_name = ""
        self.vanished: dict[int, set[str]] = {}
        self.sources: dict[str, str] = {}
        self.firsts: dict[int, dict[str, Node]] = {}

    def documents(self) -> list[Document]:
        found: list[Document] = []
        while True:
            event: Any = self.get()
            if isinstance(event, StreamEndEvent):
                return found
            if isinstance(event, StreamStartEvent | DocumentEndEvent):
                continue
            if not isinstance(event, DocumentStartEvent):
                raise ComposeError("not valid YAML: a document was expected", Location(self.file))
            if event.version not in (None, (1, 1)):
                raise self.error(
                    f"YAML version {'.'.join(map(str, event.version))} is not supported, use 1.1",
                    event.start_mark,
                )
            if len(found) == MAX_DOCUMENTS:
                raise self.error(f"more than {MAX_DOCUMENTS} YAML documents", event.start_mark)
            self.visits = self.aliased = 0
            self.project_name = ""
            event = self.get()
            root = self.value(event, None)
            self.require_string_keys(root)
            if root.__class__ is _Dropped or type(root.value) is not dict:
                raise self.error("the top level must be a mapping", event.start_mark)
            name = root.value.get("name")
            if name is not None and type(name.value) is str:
                self.project_name = name.value
            found.append(Document(root, self.project_name))

    def error(self, message: str, mark: Mark | None) -> ComposeError:
        return ComposeError(message, Node(None, mark).location)

    def value(self, event: Any, key_mark: Mark | None, merging: bool = False) -> Node:
        """Return the node that starts with `event`; a `_Dropped` one where `!reset` stands.

        `key_mark` is where the key of it stands: the place of a block collection and of nothing.
        `merging` says that it is the value of a merge key.
        """
        self.visits += 1
        if self.visits > MAX_NODE_VISITS:
            raise self.error(
                f"more than {MAX_NODE_VISITS} values in one document", event.start_mark
            )
        kind = event.__class__
        if kind is ScalarEvent:
            if event.tag is None and event.anchor is None:
                text = event.value
                if self.source.is_odd:
                    self.source.check_scalar(event, self.flow > 0)
                if event.style:
                    return Node(text, event.start_mark)
                place = event.start_mark if text or key_mark is None else key_mark
                return Node(resolve_plain(text), place)
            return self.scalar(event, key_mark)
        if kind is AliasEvent:
            return self.alias(event)
        before = self.visits + self.aliased
        tag = event.tag
        if event.anchor is not None:
            self.source.check_anchor(event, "&")
            self.anchors[event.anchor] = (None, 0)
        self.depth += 1
        self.flow += bool(event.flow_style)
        if self.depth > MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} levels of nesting", event.start_mark)
        if self.overridden and tag in (RESET, OVERRIDE):
            tag = None
        self.dropped += tag == RESET
        self.overridden += tag == OVERRIDE
        mark = key_mark if key_mark is not None and not event.flow_style else event.start_mark
        node = self.mapping(mark) if kind is MappingStartEvent else self.sequence(mark, merging)
        self.dropped -= tag == RESET
        self.overridden -= tag == OVERRIDE
        self.depth -= 1
        self.flow -= bool(event.flow_style)
        if tag in (RESET, OVERRIDE):
            node.resets = [()]
        if tag == RESET:
            node = _Dropped(node.value, node.mark, [()])
        if event.anchor is not None:
            self.anchors[event.anchor] = (node, self.visits + self.aliased - before + 1)
        return node

    def require_string_keys(self, node: Node) -> None:
        """Refuse a mapping with other keys than strings; only merge keys may bring one in."""
        if isinstance(node, _LooseMapping) and not self.dropped:
            loose = node.loose
            raise self.error(f"a key must be a string, found {loose.key!r}: quote it", loose.mark)

    def scalar(self, event: Any, key_mark: Mark | None) -> Node:
        if event.anchor is not None:
            self.source.check_anchor(event, "&")
            self.sources[event.anchor] = event.value
        tag = event.tag
        text = event.value
        mark: Mark = event.start_mark
        if self.source.is_odd:
            self.source.check_scalar(event, self.flow > 0)
        self.check_tag(event)
        resets: list[tuple[str, ...]] | None = None
        if tag is None:
            value = text if event.style else resolve_plain(text)
            if value is None and not text and key_mark is not None:
                mark = key_mark
        elif tag in (RESET, OVERRIDE):
            value, resets = text, None if self.overridden else [()]
        else:
            try:
                value = resolve_tagged(tag, text, bool(event.style))
            except ValueError as problem:
                if not self.dropped:
                    raise self.error(str(problem), mark) from None
                value = text
        node = Node(value, mark, resets)
        if tag == RESET and resets:
            node = _Dropped(node.value, node.mark, [()])
        if event.anchor is not None:
            self.anchors[event.anchor] = (node, 1)
        return node

    def alias(self, event: Any) -> Node:
        name = event.anchor
        self.source.check_anchor(event, "*")
        if name not in self.anchors:
            raise self.error(f"unknown anchor {name!r}", event.start_mark)
        node, size = self.anchors[name]
        if node is None:
            raise self.error(f"the anchor {name!r} contains itself", event.start_mark)
        self.aliased += size
        if self.visits + self.aliased > MAX_EXPANDED_NODES:
            raise self.error(
                f"aliases expand the document to more than {MAX_EXPANDED_NODES} values",
                event.start_mark,
            )
        self.texts += _characters(node)
        if self.texts > MAX_TEXT_GROWTH:
            raise self.error(
                f"aliases add more than {MAX_TEXT_GROWTH} characters", event.start_mark
            )
        return node

    def sequence(self, mark: Mark, merging: bool) -> Node:
        items: list[Node] = []
        resets: list[tuple[str, ...]] | None = None
        index = 0
        while True:
            event = self.get()
            if event.__class__ is SequenceEndEvent:
                return Node(items, mark, resets)
            node = self.value(event, None)
            if node.resets:
                resets = _under(str(index), node.resets, resets)
            if node.__class__ is _LooseMapping and not merging:
                self.require_string_keys(node)
            if node.__class__ is not _Dropped and node.value is not MERGE:
                items.append(node)
            index += 1

    def mapping(self, mark: Mark) -> Node:
        pairs: dict[str, Node] = {}
        marks: dict[str, Mark] = {}
        blocked: set[str] = set()
        resets: list[tuple[str, ...]] | None = None
        merge: Node | None = None
        loose: _Loose | None = None
        get, is_odd = self.get, self.source.is_odd
        while True:
            event = get()
            if event.__class__ is MappingEndEvent:
                break
            key_mark = event.start_mark
            if event.__class__ is ScalarEvent and event.tag is event.anchor is None and not is_odd:
                text = event.value
                key = text if event.style else resolve_plain(text)
            else:
                key, text = self.key(event)
            if text in marks and not self.dropped:
                line = marks[text].line + 1
                raise self.error(f"the key {text!r} is already defined at line {line}", key_mark)
            marks[text] = key_mark
            is_merge = key is MERGE and event.__class__ is ScalarEvent
            if key is MERGE and not is_merge:
                raise self.error("an alias cannot stand for the merge key <<", key_mark)
            child = self.value(get(), key_mark, is_merge)
            if child.resets:
                prefix = None if is_merge and self.depth > 1 else text
                resets = _under(prefix, child.resets, resets)
            if child.__class__ is not Node:
                if child.__class__ is _Dropped:
                    if self.depth == 1 and key == "name" and type(child.value) is str:
                        if key in pairs:
                            self.repeat(key, pairs, key_mark)
                        self.project_name = child.value
                    continue
                if not is_merge:
                    self.require_string_keys(child)
            if is_merge:
                merge = child
            elif type(key) is not str:
                loose = loose or _Loose(key_mark, key)
                written = text if event.__class__ is ScalarEvent else self.sources.get(text, text)
                loose.add(key, written, child)
            elif child.value is MERGE:
                blocked.add(key)
                if key == "name" and self.depth == 1:
                    self.project_name = "<<"
            else:
                if key in pairs or (key == "name" and self.depth == 1 and self.project_name):
                    self.repeat(key, pairs, key_mark)
                pairs[key] = child
        node = Node(pairs, mark, resets)
        if merge is not None:
            self.merge(node, merge, blocked)
        if blocked:
            self.vanished[id(pairs)] = blocked
        return node if loose is None else _LooseMapping(pairs, mark, resets, loose=loose)

    def repeat(self, key: str, pairs: dict[str, Node], mark: Mark) -> None:
        """Take note of a key that is there again, by an alias: it wins here, not where merged."""
        if key == "name" and self.depth == 1:
            raise self.error("the key 'name' is already defined", mark)
        self.firsts.setdefault(id(pairs), {}).setdefault(key, pairs[key])

    def key(self, event: Any) -> tuple[Any, str]:
        """Return the value of a key, and the text by which Docker tells keys apart."""
        kind = event.__class__
        if kind is ScalarEvent:
            text: str = event.value
            if self.source.is_odd:
                self.source.check_key(event, self.flow > 0)
            if event.tag is None:
                key = text if event.style else resolve_plain(text)
            else:
                key = self.tagged_key(event)
            if event.anchor is not None:
                self.source.check_anchor(event, "&")
                self.sources[event.anchor] = text
                self.anchors[event.anchor] = (Node(key, event.start_mark), 1)
            return key, text
        if kind is AliasEvent:
            return self.alias(event).value, event.anchor
        raise self.error("a key must be a string, found a list or a mapping", event.start_mark)

    def check_tag(self, event: Any) -> None:
        """Refuse tags in flow style that Docker's parser ends elsewhere."""
        if not self.flow or event.tag is None:
            return
        if "," in event.tag.removeprefix(LONG_TAG):
            raise self.error("a tag in flow style cannot hold a comma", event.start_mark)
        if not event.value and not event.style:
            raise self.error("a tag in flow style needs a value behind it", event.start_mark)

    def tagged_key(self, event: Any) -> Any:
        self.check_tag(event)
        try:
            return resolve_tagged(event.tag, event.value, bool(event.style))
        except ValueError as problem:
            if self.dropped:
                return event.value
            raise self.error(str(problem), event.start_mark) from None

    def merge(self, node: Node, source: Node, blocked: set[str]) -> None:
        """Add what `<<` brings to the mapping under construction; its own keys win."""
        sources = source.value if type(source.value) is list else [source]
        for each in sources:
            if type(each.value) is not dict:
                if self.dropped:
                    continue
                raise self.error(
                    "the merge key << takes a mapping or a list of mappings", each.mark
                )
            entries: dict[str, Node] = {**each.value, **self.firsts.get(id(each.value), {})}
            if isinstance(each, _LooseMapping):
                entries.update(each.loose.entries)
            for key, child in entries.items():
                if key not in node.value and key not in blocked:
                    node.value[key] = child
            blocked |= self.vanished.get(id(each.value), set())


def _characters(node: Node) -> int:
    """Return how long the texts of `node` are together."""
    value = node.value
    if type(value) is str:
        return len(value)
    if type(value) is dict:
        return sum(map(_characters, value.values()))
    return sum(map(_characters, value)) if type(value) is list else 0


class _Dropped(Node, eq=False, gc=False):
    """A node behind `!reset`: it leaves its path behind and nothing else."""


class _Loose:
    """The entries of a mapping whose keys are not strings."""

    def __init__(self, mark: Mark, key: Any) -> None:
        self.mark = mark
        self.key = key
        self.entries: dict[str, Node] = {}

    def add(self, key: Any, text: str, child: Node) -> None:
        if key is not None:
            self.entries.setdefault(text, child)


class _LooseMapping(Node, eq=False, gc=False, kw_only=True):
    """A mapping with keys that are not strings: good only as the source of a merge key."""

    loose: _Loose


def _under(
    key: str | None, paths: list[tuple[str, ...]], found: list[tuple[str, ...]] | None
) -> list[tuple[str, ...]]:
    """Add `paths`, which start below `key`, to those found so far."""
    prefix = () if key is None else (key,)
    found = [] if found is None else found
    found += [prefix + path for path in paths]
    return found
