"""Build nodes from the events of a YAML parser, as Docker's parser builds its own.

In: a parser of one file. Out: a tree a document. Duplicate keys, merge keys, aliases, `!reset` and
`!override` follow go-yaml v4 (composer.go, constructor.go) and compose-go (loader/reset.go).
An anchor is known in its own document only.
"""

from __future__ import annotations

from collections.abc import Set
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
from policyd.compose.nodes import Mark, Node, Resets, describe
from policyd.compose.yaml.alias_share import SUSPICIOUS_SHARE
from policyd.compose.yaml.anchors import Anchors
from policyd.compose.yaml.document import Document
from policyd.compose.yaml.libyaml_differences import ReadDifferently
from policyd.compose.yaml.mapping_entries import Key, MappingEntries, require_string_keys
from policyd.compose.yaml.merge_keys import NOT_MAPPINGS, Entries
from policyd.compose.yaml.reset_tags import (
    OVERRIDE,
    RESET,
    ROOT_PATH,
    Dropped,
    Place,
    drop,
    hidden_below,
    place_of,
)
from policyd.compose.yaml.resolver import (
    MERGE,
    TYPED_STARTS,
    Timestamp,
    resolve_plain,
    resolve_tagged,
)
from policyd.errors import ComposeError
from policyd.masking import MarkedError
from policyd.model import Location


class Composer:
    """Builds nodes from the parser's events: one composer a file, since limits hold for the file.

    Below `!override` (`overridden` has the errors that an alias of each one reveals) tags have no
    effect. What is below `!reset` (`dropped` is not 0) is checked only if an alias refers to it.
    `revealed` are the places of the `!reset` tags that an alias reveals (see reset_tags.py): an
    alias can come after what shares its node, so `reader.py` composes such a file a second time.
    """

    def __init__(
        self, parser: Any, name: str, *, is_libyaml: bool, revealed: Set[Place] = frozenset()
    ) -> None:
        self.get = parser.get_event
        self.is_libyaml = is_libyaml
        self.file = name
        self.anchors = Anchors()
        self.visits = 0
        self.dropped = 0
        self.overridden: list[list[ComposeError]] = []
        self.reset_steps = 0
        self.has_hidden = self.has_odd_keys = False
        self.flow_column = -1
        self.has_many_aliases = False
        self.project_name = ""
        self.known_revealed = revealed
        self.revealed: set[Place] = set()

    def documents(self) -> list[Document]:
        """Return the documents of the file. Raises ComposeError, or what the parser raises."""
        found: list[Document] = []
        while True:
            event: Any = self.get()
            if isinstance(event, StreamEndEvent):
                return found
            if isinstance(event, StreamStartEvent | DocumentEndEvent):
                continue
            if not isinstance(event, DocumentStartEvent):
                raise ComposeError(
                    "not valid YAML: expected the start of a document", Location(self.file)
                )
            if event.version not in (None, (1, 1)):
                raise self.error(
                    f"YAML version {'.'.join(map(str, event.version))} is not supported, use 1.1",
                    event.start_mark,
                )
            if len(found) == MAX_DOCUMENTS:
                raise self.error(f"more than {MAX_DOCUMENTS} YAML documents", event.start_mark)
            found.append(self.document())

    def document(self) -> Document:
        """Return the document whose start the parser has reported."""
        self.anchors.start_document()
        self.visits = 0
        self.has_hidden = self.has_odd_keys = False
        self.pending: list[ComposeError] = []
        self.flow_column = -1
        self.project_name = ""
        event = self.get()
        root = self.value(event, None, 0, False)
        if self.known_revealed or not self.revealed:
            if self.pending:
                raise self.pending[0]
            if self.has_odd_keys:
                require_string_keys(root)
        if type(root) is Dropped or type(root.value) is not dict:
            found = "nothing" if type(root) is Dropped else describe(root)
            raise self.error(f"the top level must be a mapping, not {found}", event.start_mark)
        name = root.value.get("name")
        if name is not None and type(name.value) is str:
            self.project_name = name.value
        elif name is not None and type(name.value) is Timestamp:
            self.project_name = name.value.text
        return Document(root, self.project_name, self.visits + self.anchors.added)

    def error(self, message: str, mark: Mark | None) -> ComposeError:
        return ComposeError(message, Node(None, mark).location)

    def refuse(self, error: ComposeError) -> None:
        """Raise `error`. Below `!reset` it is hidden until an alias reveals it.

        Below `!override` it waits for an alias that reveals a `!reset` around it.
        """
        if self.dropped:
            self.anchors.hide(error)
        elif self.overridden and not self.known_revealed:
            self.pending.append(error)
        else:
            raise error

    def value(
        self, event: Any, key_mark: Mark | None, depth: int, in_flow: bool, merging: bool = False
    ) -> Node:
        """Return the node that starts with `event`; a `Dropped` one for `!reset`.

        `key_mark` is the place of its key: block collections and empty values have that place.
        `depth` is the number of collections around the node, `in_flow` whether they are in flow
        style, and `merging` whether the node is the value of a merge key.
        """
        self.visits += 1
        if self.visits > MAX_NODE_VISITS:
            raise self.too_many_values(event.start_mark)
        kind = type(event)
        if kind is ScalarEvent:
            return self.scalar(event, key_mark)
        if kind is AliasEvent:
            return self.alias(event, depth)
        if depth == MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} levels of nesting", event.start_mark)
        is_flow = bool(event.flow_style)
        mark = event.start_mark if is_flow or key_mark is None else key_mark
        if is_flow and not in_flow and self.is_libyaml and depth:
            self.flow_column = (key_mark or mark).column
        if event.anchor is not None or event.tag is not None:
            return self.marked(event, mark, depth + 1, merging)
        if kind is MappingStartEvent:
            return self.mapping(mark, depth + 1, is_flow)
        return self.sequence(mark, depth + 1, is_flow, merging)

    def too_many_values(self, mark: Mark) -> ComposeError:
        return self.error(f"more than {MAX_NODE_VISITS} values in one document", mark)

    def marked(self, event: Any, mark: Mark, depth: int, merging: bool) -> Node:
        """Return the collection that starts with `event`, which has a tag, an anchor or both."""
        is_reset, is_override = event.tag == RESET, event.tag == OVERRIDE
        is_revealed = (mark.line, mark.column) in self.known_revealed
        unchecked = is_reset and (is_revealed or not self.overridden)
        before, numbers = self.visits + self.anchors.added - 1, self.anchors.numbers()
        if event.anchor is not None:
            self.anchors.open(event.anchor)
        self.dropped += unchecked
        if is_override:
            self.overridden.append([])
        if type(event) is MappingStartEvent:
            node = self.mapping(mark, depth, bool(event.flow_style))
        else:
            node = self.sequence(mark, depth, bool(event.flow_style), merging)
        self.dropped -= unchecked
        if is_override:
            self.anchors.hidden += self.overridden.pop()
            node = node.with_resets([ROOT_PATH])
        elif is_reset:
            if not unchecked:
                self.overridden[-1] += self.anchors.hidden[numbers[0] :]
            del self.anchors.hidden[numbers[0] :]  # an alias of what is around it drops it, too
            node = drop(node)
        if event.anchor is not None:
            size = self.visits + self.anchors.added - before
            self.anchors.set(event.anchor, node, size, "", numbers)
        if unchecked and not self.dropped:
            self.anchors.forget(numbers)  # what is around it has it no more
        return node

    def removes(self, node: Node) -> bool:
        """Return whether `node` is tagged `!reset` and removed here.

        Below `!override` and `!reset` it is not removed until an alias reveals it.
        """
        if type(node) is not Dropped:
            return False
        if not self.overridden and not self.dropped:
            return True
        self.has_hidden = True
        return place_of(node) in self.known_revealed

    def resets_below(self, key: str | None, child: Node, found: Resets | None) -> Resets | None:
        """Add to `found` the paths of `child`, which is at `key`, and return it.

        A new list for each child would take quadratic time.
        """
        added = child.resets
        if not added:
            return found
        self.reset_steps += len(added)
        if self.reset_steps > MAX_RESET_STEPS:
            raise self.error("too many !reset and !override tags, too deep", child.mark)
        prefix = () if key is None else (key,)
        found = [] if found is None else found
        found.extend(prefix + path for path in added)
        return found

    def scalar(self, event: Any, key_mark: Mark | None) -> Node:
        """Return the scalar of `event`, and register its anchor."""
        tag, text, errors = event.tag, event.value, self.anchors.numbers()
        mark: Mark = event.start_mark
        if tag is None:
            value = text if event.style else resolve_plain(text)
            if value is None and not text and key_mark is not None:
                mark = key_mark
            node = Node(value, mark)
        elif tag == OVERRIDE:
            node = Node(text, mark, [ROOT_PATH])
        elif tag == RESET:
            node = drop(Node(text, mark))
        else:
            node = Node(self.tagged_scalar(event), mark)
        if event.anchor is not None:
            self.anchors.set(event.anchor, node, 1, text, errors)
        return node

    def tagged_scalar(self, event: Any) -> Any:
        """Return what the scalar of `event` means by its tag."""
        try:
            return resolve_tagged(event.tag, event.value, bool(event.style))
        except ValueError as problem:
            marked = problem.marked if isinstance(problem, MarkedError) else str(problem)
            self.refuse(self.error(marked, event.start_mark))
            return event.value

    def alias(self, event: Any, depth: int) -> Node:
        """Return the node that the alias of `event` refers to."""
        node = self.anchors.node(event.anchor, event.start_mark, self.visits, depth)
        if error := self.anchors.error(event.anchor, is_overridden=bool(self.overridden)):
            self.refuse(error)
        if self.anchors.added > SUSPICIOUS_SHARE * self.visits:
            self.has_many_aliases = True
        if self.has_hidden and not self.overridden and not self.dropped:
            self.revealed.update(hidden_below(node))
        return node

    def plain(self, event: Any, key_mark: Mark | None) -> Node:
        """Return the scalar of `event`, which has neither a tag nor an anchor."""
        visits = self.visits = self.visits + 1
        if visits > MAX_NODE_VISITS:
            raise self.too_many_values(event.start_mark)
        value: Any = event.value
        mark: Mark = event.start_mark
        if not event.style and value[:1] in TYPED_STARTS:
            if not value and key_mark is not None:
                mark = key_mark
            value = resolve_plain(value)
        return Node(value, mark)

    def sequence(self, mark: Mark, depth: int, in_flow: bool, merging: bool) -> Node:
        """Return the sequence at `mark`, whose start the parser has reported."""
        items: list[Node] = []
        resets: Resets | None = None
        index = 0
        get = self.get
        while type(event := get()) is not SequenceEndEvent:
            if type(event) is ScalarEvent and event.tag is None and event.anchor is None:
                node = self.plain(event, None)
            else:
                node = self.value(event, None, depth, in_flow)
                resets = self.resets_below(str(index), node, resets)
            index += 1
            if node.value is MERGE:
                if merging and not self.dropped:
                    raise self.error(NOT_MAPPINGS, node.mark)
            elif type(node) is not Dropped or not self.removes(node):
                items.append(node)
        return Node(items, mark, resets)

    def mapping(self, mark: Mark, depth: int, in_flow: bool) -> Node:
        """Return the mapping at `mark`, whose start the parser has reported."""
        entries: Entries = {}
        marks: dict[str, Mark] = {}
        key: Any
        unusual: MappingEntries | None = None
        get = self.get
        while type(event := get()) is not MappingEndEvent:
            key_mark = event.start_mark
            if in_flow and event.end_mark.column <= self.flow_column:
                raise ReadDifferently  # its `:` may be outside of the block around it
            if type(event) is ScalarEvent and event.tag is None and event.anchor is None:
                key = identity = text = event.value
                if not event.style and text[:1] in TYPED_STARTS:
                    key = resolve_plain(text)
            else:
                key, identity, text = self.key(event)
            if identity in marks:
                self.refuse(Key(key, identity, text, key_mark).duplicate(marks[identity]))
            marks[identity] = key_mark
            event = get()
            if type(event) is ScalarEvent and event.tag is None and event.anchor is None:
                child = self.plain(event, key_mark)
            else:
                child = self.value(event, key_mark, depth, in_flow, key is MERGE)
            if (  # a usual entry; a call to find this out would be slower
                type(key) is str
                and key not in entries
                and child.resets is None
                and type(child) is Node
                and child.value is not MERGE
                and key != "name"
                and (unusual is None or not unusual.needs_order)
            ):
                entries[key] = child
            else:
                unusual = unusual or MappingEntries(entries)
                self.add_unusual(unusual, Key(key, identity, text, key_mark), child, depth)
        return self.merged(unusual, mark) if unusual else Node(entries, mark)

    def merged(self, entries: MappingEntries, mark: Mark) -> Node:
        """Return the mapping with `entries`, and with those of its merge key."""
        self.has_odd_keys |= entries.needs_order
        try:
            return entries.node(mark, tolerant=False)
        except ComposeError as error:
            self.refuse(error)
            return entries.node(mark, tolerant=True)

    def add_unusual(self, found: MappingEntries, key: Key, child: Node, depth: int) -> None:
        """Add to `found` an entry that needs more than its place in the dict."""
        prefix = None if key.is_merge and depth > 1 else key.identity
        found.resets = self.resets_below(prefix, child, found.resets)
        if depth == 1 and key.value == "name":
            self.set_name(found.entries, key, child)
        if self.removes(child):
            return
        found.add(key, child)

    def set_name(self, entries: Entries, key: Key, child: Node) -> None:
        """Remember the project's name: Compose decodes it apart, before `!reset` takes effect."""
        is_removed = self.removes(child)
        if is_removed and type(child.value) is not str:
            return
        if "name" in entries or self.project_name:
            raise self.error("duplicate key 'name'", key.mark)
        if is_removed or child.value is MERGE:
            self.project_name = child.value if is_removed else "<<"

    def key(self, event: Any) -> tuple[Any, str, str]:
        """Return what a key means, the text that tells it from other keys, and its own text."""
        kind = type(event)
        if kind is ScalarEvent:
            text: str = event.value
            if event.tag is None:
                key = text if event.style else resolve_plain(text)
            else:
                key = self.tagged_scalar(event)
            if event.anchor is not None:
                self.anchors.set(event.anchor, Node(key, event.start_mark), 1, text)
            return key, text, text
        if kind is AliasEvent:
            key = self.alias(event, 0).value
            if key is MERGE:
                raise self.error("an alias cannot be the merge key <<", event.start_mark)
            return key, event.anchor, self.anchors.text(event.anchor)
        raise self.error(
            "a key must be a string, found a list or a mapping: is {{…}} of a template left over?",
            event.start_mark,
        )
