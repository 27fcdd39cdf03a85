"""Build nodes from the events of a YAML parser, as Docker's parser builds its own.

In: a parser of one file. Out: a tree a document. Duplicate keys, merge keys, aliases, `!reset` and
`!override` follow go-yaml v4 (composer.go, constructor.go) and compose-go (loader/reset.go).
Anchors live across the documents of a file.
"""

from __future__ import annotations

from typing import Any

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

from policyd.compose.limits import MAX_DEPTH, MAX_DOCUMENTS, MAX_NODE_VISITS, MAX_RESET_STEPS
from policyd.compose.nodes import Mark, Node, Resets
from policyd.compose.yaml.anchors import Anchors
from policyd.compose.yaml.libyaml_differences import SourceText
from policyd.compose.yaml.merge_keys import NOT_MAPPINGS, LooseEntries, LooseMapping, MergeKeys
from policyd.compose.yaml.reset_tags import OVERRIDE, RESET, Dropped, drop_hidden
from policyd.compose.yaml.resolver import (
    LONG_TAG,
    MERGE,
    TYPED_STARTS,
    resolve_plain,
    resolve_tagged,
)
from policyd.errors import ComposeError
from policyd.model import Location


class Document:
    """One YAML document of a file.

    `root` is its tree, `name` the one that it gives the project ("" for none), `size` the number of
    its values, those of aliases counted each time.
    """

    __slots__ = ("name", "root", "size")

    def __init__(self, root: Node, name: str, size: int) -> None:
        self.root = root
        self.name = name
        self.size = size


class Composer:
    """Builds nodes from the parser's events. One a file, since anchors outlive documents.

    Below `!override` (`overridden`) tags are no more looked at; what is below `!reset` (`dropped`)
    is not judged.
    """

    def __init__(self, parser: Any, content: bytes, name: str) -> None:
        self.get = parser.get_event
        self.source = SourceText(content)
        self.file = name
        self.anchors = Anchors()
        self.visits = 0
        self.dropped = 0
        self.overridden = 0
        self.reset_steps = 0
        self.has_hidden = False
        self.project_name = ""
        self.merge_keys = MergeKeys()
        self.sources: dict[str, str] = {}

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
            self.visits = self.anchors.added = 0
            self.project_name = ""
            event = self.get()
            root = self.value(event, None, 0, False)
            self.require_string_keys(root)
            if type(root) is Dropped or type(root.value) is not dict:
                raise self.error("the top level must be a mapping", event.start_mark)
            name = root.value.get("name")
            if name is not None and type(name.value) is str:
                self.project_name = name.value
            found.append(Document(root, self.project_name, self.visits + self.anchors.added))

    def error(self, message: str, mark: Mark | None) -> ComposeError:
        return ComposeError(message, Node(None, mark).location)

    def value(
        self, event: Any, key_mark: Mark | None, depth: int, in_flow: bool, merging: bool = False
    ) -> Node:
        """Return the node that starts with `event`; a `Dropped` one where `!reset` stands.

        `key_mark` is where the key of it stands: the place of a block collection and of nothing.
        `depth` counts the collections around it, `in_flow` says that they are in flow style, and
        `merging` that it is the value of a merge key.
        """
        self.visits += 1
        if self.visits > MAX_NODE_VISITS:
            raise self.too_many(event.start_mark)
        kind = type(event)
        if kind is ScalarEvent:
            return self.scalar(event, key_mark, in_flow)
        if kind is AliasEvent:
            return self.alias(event, depth)
        if depth == MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} levels of nesting", event.start_mark)
        is_flow = bool(event.flow_style)
        mark = event.start_mark if is_flow or key_mark is None else key_mark
        if event.anchor is not None:
            return self.anchored(event, mark, depth + 1, merging)
        if event.tag is not None:
            return self.tagged(event, mark, depth + 1, merging)
        if kind is MappingStartEvent:
            return self.mapping(mark, depth + 1, is_flow)
        return self.sequence(mark, depth + 1, is_flow, merging)

    def anchored(self, event: Any, mark: Mark, depth: int, merging: bool) -> Node:
        """Return the collection that starts with `event`, and remember it by its anchor."""
        before = self.visits + self.anchors.added - 1
        self.source.check_anchor(event, "&")
        self.anchors.open(event.anchor)
        node = self.tagged(event, mark, depth, merging)
        self.anchors.set(event.anchor, node, self.visits + self.anchors.added - before)
        return node

    def tagged(self, event: Any, mark: Mark, depth: int, merging: bool) -> Node:
        """Return the collection that starts with `event`, which may have a tag."""
        is_reset, is_override = event.tag == RESET, event.tag == OVERRIDE
        unjudged = is_reset and not self.overridden
        self.dropped += unjudged
        self.overridden += is_override
        if type(event) is MappingStartEvent:
            node = self.mapping(mark, depth, bool(event.flow_style))
        else:
            node = self.sequence(mark, depth, bool(event.flow_style), merging)
        self.dropped -= unjudged
        self.overridden -= is_override
        if is_override:
            node.resets = [()]
        if is_reset:
            if not unjudged:
                self.require_string_keys(node)
            return Dropped(node.value, node.mark, [()])
        return node

    def vanishes(self) -> bool:
        """Say whether what `!reset` marks vanishes here: below `!override` and `!reset` it stays.

        It stays until an alias elsewhere looks at it.
        """
        stays = self.overridden > 0 or self.dropped > 0
        self.has_hidden = self.has_hidden or stays
        return not stays

    def too_many(self, mark: Mark) -> ComposeError:
        return self.error(f"more than {MAX_NODE_VISITS} values in one document", mark)

    def under(self, key: str | None, child: Node, found: Resets | None) -> Resets:
        """Add the resets of `child`, which stands at `key`, to those found so far."""
        added = child.resets or []
        self.reset_steps += len(added)
        if self.reset_steps > MAX_RESET_STEPS:
            raise self.error("too many !reset and !override, too deep", child.mark)
        prefix = () if key is None else (key,)
        found = [] if found is None else found
        found += [prefix + path for path in added]
        return found

    def require_string_keys(self, node: Node) -> None:
        """Refuse a mapping with other keys than strings; only merge keys may bring one in."""
        if isinstance(node, LooseMapping) and not self.dropped:
            loose = node.loose
            raise self.error(f"a key must be a string, found {loose.key!r}: quote it", loose.mark)

    def scalar(self, event: Any, key_mark: Mark | None, in_flow: bool) -> Node:
        if event.anchor is not None:
            self.source.check_anchor(event, "&")
            self.sources[event.anchor] = event.value
        tag = event.tag
        text = event.value
        mark: Mark = event.start_mark
        if self.source.is_odd:
            self.source.check_scalar(event, in_flow)
        if tag is not None and in_flow:
            self.check_tag(event)
        resets: Resets | None = None
        if tag is None:
            value = text if event.style else resolve_plain(text)
            if value is None and not text and key_mark is not None:
                mark = key_mark
        elif tag in (RESET, OVERRIDE):
            value, resets = text, [()]
        else:
            try:
                value = resolve_tagged(tag, text, bool(event.style))
            except ValueError as problem:
                if not self.dropped:
                    raise self.error(str(problem), mark) from None
                value = text
        node = Node(value, mark, resets)
        if tag == RESET:
            node = Dropped(node.value, node.mark, [()])
        if event.anchor is not None:
            self.anchors.set(event.anchor, node, 1)
        return node

    def alias(self, event: Any, depth: int) -> Node:
        name = event.anchor
        self.source.check_anchor(event, "*")
        node = self.anchors.node(name, event.start_mark, self.visits, depth)
        if self.has_hidden and not self.overridden and not self.dropped:
            drop_hidden(node)
        return node

    def sequence(self, mark: Mark, depth: int, in_flow: bool, merging: bool) -> Node:
        items: list[Node] = []
        resets: Resets | None = None
        index = 0
        get, is_odd = self.get, self.source.is_odd
        while True:
            event = get()
            kind = type(event)
            if kind is SequenceEndEvent:
                return Node(items, mark, resets)
            index += 1
            if kind is ScalarEvent and event.tag is None and event.anchor is None and not is_odd:
                self.visits += 1
                if self.visits > MAX_NODE_VISITS:
                    raise self.too_many(event.start_mark)
                value: Any = event.value
                if not event.style and value[:1] in TYPED_STARTS:
                    value = resolve_plain(value)
                if value is not MERGE:
                    items.append(Node(value, event.start_mark))
                elif merging and not self.dropped:
                    raise self.error(NOT_MAPPINGS, event.start_mark)
                continue
            node = self.value(event, None, depth, in_flow)
            if node.resets:
                resets = self.under(str(index - 1), node, resets)
            if type(node) is LooseMapping and not merging:
                self.require_string_keys(node)
            if node.value is MERGE:
                if merging and not self.dropped:
                    raise self.error(NOT_MAPPINGS, node.mark)
            elif not (type(node) is Dropped and self.vanishes()):
                items.append(node)

    def mapping(self, mark: Mark, depth: int, in_flow: bool) -> Node:
        pairs: dict[str, Node] = {}
        marks: dict[str, Mark] = {}
        blocked: set[str] = set()
        resets: Resets | None = None
        merge: Node | None = None
        loose: LooseEntries | None = None
        get, is_odd = self.get, self.source.is_odd
        while True:
            event = get()
            kind = type(event)
            if kind is MappingEndEvent:
                break
            key_mark = event.start_mark
            if kind is ScalarEvent and event.tag is None and event.anchor is None and not is_odd:
                key = text = event.value
                if not event.style and text[:1] in TYPED_STARTS:
                    key = resolve_plain(text)
            else:
                key, text = self.key(event, in_flow)
            if text in marks and not self.dropped:
                raise self.second_key(text, marks[text], key_mark)
            marks[text] = key_mark
            is_merge = key is MERGE
            if is_merge and kind is not ScalarEvent:
                raise self.error("an alias cannot stand for the merge key <<", key_mark)
            event = get()
            if (  # nearly every scalar; what is left goes the long way
                type(event) is ScalarEvent
                and event.tag is None
                and event.anchor is None
                and not is_odd
                and type(key) is str
                and key not in pairs
                and key != "name"
            ):
                value: Any = event.value
                place: Any = event.start_mark
                if not event.style and value[:1] in TYPED_STARTS:
                    place = place if value else key_mark
                    value = resolve_plain(value)
                if value is not MERGE:
                    self.visits += 1
                    if self.visits > MAX_NODE_VISITS:
                        raise self.too_many(place)
                    pairs[key] = Node(value, place)
                    continue
            child = self.value(event, key_mark, depth, in_flow, is_merge)
            if child.resets:
                prefix = None if is_merge and depth > 1 else text
                resets = self.under(prefix, child, resets)
            if type(child) is Dropped and self.vanishes():
                if depth == 1 and key == "name" and type(child.value) is str:
                    if key in pairs:
                        raise self.second_name(key_mark)
                    self.project_name = child.value
                continue
            if type(child) is LooseMapping and not is_merge:
                self.require_string_keys(child)
            if is_merge:
                merge = child
            elif type(key) is not str:
                loose = loose or LooseEntries(key_mark, key)
                written = text if kind is ScalarEvent else self.sources.get(text, text)
                if child.value is not MERGE:
                    loose.add(key, written, child)
            elif child.value is MERGE:
                blocked.add(key)
                if key == "name" and depth == 1:
                    self.project_name = "<<"
            else:
                if depth == 1 and key == "name" and (key in pairs or self.project_name):
                    raise self.second_name(key_mark)
                if key in pairs:
                    self.merge_keys.repeat(pairs, key)
                pairs[key] = child
        node = Node(pairs, mark, resets)
        if merge is not None:
            self.merge_keys.merge(pairs, merge, blocked, judge=not self.dropped)
        if blocked:
            self.merge_keys.block(pairs, blocked)
        return node if loose is None else LooseMapping(pairs, mark, resets, loose=loose)

    def second_key(self, key: str, first: Mark, mark: Mark) -> ComposeError:
        hint = ": write <<: [*a, *b] once" if key == "<<" else ""
        return self.error(
            f"the key {key!r} is already defined at line {first.line + 1}{hint}", mark
        )

    def second_name(self, mark: Mark) -> ComposeError:
        return self.error("the key 'name' is already defined", mark)

    def key(self, event: Any, in_flow: bool) -> tuple[Any, str]:
        """Return the value of a key, and the text by which Docker tells keys apart."""
        kind = type(event)
        if kind is ScalarEvent:
            text: str = event.value
            if self.source.is_odd:
                self.source.check_key(event, in_flow)
            if event.tag is None:
                key = text if event.style else resolve_plain(text)
            else:
                key = self.tagged_key(event, in_flow)
            if event.anchor is not None:
                self.source.check_anchor(event, "&")
                self.sources[event.anchor] = text
                self.anchors.set(event.anchor, Node(key, event.start_mark), 1)
            return key, text
        if kind is AliasEvent:
            return self.alias(event, 0).value, event.anchor
        raise self.error(
            "a key must be a string, found a list or a mapping: is {{…}} of a template left over?",
            event.start_mark,
        )

    def check_tag(self, event: Any) -> None:
        """Refuse tags in flow style that Docker's parser ends elsewhere."""
        if "," in event.tag.removeprefix(LONG_TAG):
            raise self.error("a tag in flow style cannot hold a comma", event.start_mark)
        if not event.value and not event.style:
            raise self.error("a tag in flow style needs a value behind it", event.start_mark)

    def tagged_key(self, event: Any, in_flow: bool) -> Any:
        if in_flow:
            self.check_tag(event)
        try:
            return resolve_tagged(event.tag, event.value, bool(event.style))
        except ValueError as problem:
            if self.dropped:
                return event.value
            raise self.error(str(problem), event.start_mark) from None
