"""A field of a Compose project, and how rows of the table become fields.

In: rows of text, indented by one space per level (`fields.py`). Out: a tree of `Field`, and
`rewrite`, which walks it together with a tree of values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import is_
from typing import Final

from policyd.compose.node_error import NodeError
from policyd.compose.nodes import Node
from policyd.compose.table import rules as vocabulary
from policyd.compose.table.rules import KINDS
from policyd.lazy_pattern import lazy_pattern

_NAMES: Final = "^[a-zA-Z0-9._-]+$"

Rules = Mapping[str, Callable[[Node, "Field"], Node]]
"""What to do with a value and its field, by the name of the rule."""

_OTHERS: Final = frozenset({"x", "closed", "open"})
_KEPT_MODELS: Final[Mapping[str, type]] = {
    f"{name}{mark}": kind
    for name, kind in (("str", str), ("bool", bool))
    for mark in ("", "?", "!")
}
"""The models that keep a value of their type unchanged."""


class Field:
    """One row: what the schema accepts, the model, the rules, and the fields below.

    `accepts` holds the types of the table (str, int, num, bool, null, map, list, any); `children`
    the fields of named keys, `each` the field of any other key, `item` that of list items.

    The rest is derived from these when the table is built. `deep` names the kinds of rules (unique,
    long, default, path) that apply here or below. `concerned` gives, for each of these kinds, the
    children, the other keys and the list items that it concerns; it is worked out at its first use,
    because a project has few of the fields. `always` holds the children that are printed even when
    they are absent. `free` holds the types of scalars that the schema accepts whatever their value,
    and `as_is` the type that the model keeps unchanged.
    """

    __slots__ = (
        "accepts",
        "always",
        "any_of",
        "as_is",
        "cast",
        "children",
        "concerned",
        "deep",
        "default",
        "each",
        "enum",
        "free",
        "hidden",
        "item",
        "json",
        "key",
        "keys",
        "long",
        "max",
        "merge",
        "min",
        "model",
        "others",
        "path",
        "pattern",
        "required",
        "skip",
        "unique",
        "unique_items",
        "user_keys",
    )

    def __init__(self, key: str) -> None:
        self.key = key
        self.accepts: frozenset[str] = frozenset()
        self.unique_items = False
        self.model = ""
        self.cast = self.merge = self.unique = self.long = self.default = self.path = ""
        self.enum: tuple[str, ...] = ()
        self.required: tuple[str, ...] = ()
        self.any_of: tuple[str, ...] = ()
        self.skip: tuple[str, ...] = ()
        self.pattern: re.Pattern[str] | None = None
        self.keys: re.Pattern[str] | None = None
        self.min: int | None = None
        self.max: int | None = None
        self.others = ""
        self.json = key
        self.hidden = self.user_keys = False
        self.always: tuple[Field, ...] = ()
        self.children: dict[str, Field] = {}
        self.each: Field | None = None
        self.item: Field | None = None
        self.deep: frozenset[str] = frozenset()
        self.free: frozenset[type] = frozenset()
        self.as_is: type | None = None
        self.concerned = _Concerns(self)

    def below(self, key: str) -> Field | None:
        """Return the field of the entry `key` of a mapping, None for one not in the table."""
        return self.children.get(key) or self.each

    def at(self, *path: str) -> Field:
        """Return the field at `path`, "*" for any key and "[]" for any item. Raises KeyError."""
        field = self
        for key in path:
            others = {"*": field.each, "[]": field.item}
            below = others.get(key) or field.children.get(key) or field.each
            if below is None:
                raise KeyError(f"the table of fields has nothing at {'.'.join(path)}")
            field = below
        return field

    def apply(self, words: list[str]) -> None:
        """Apply the words of a row: types, model, rules. Raises ValueError for an unknown word."""
        accepts, self.model, *rules = words
        vocabulary.require(self.model, vocabulary.MODELS, "model")
        self.accepts, self.unique_items = _accepted(accepts)
        for rule in rules:
            self._apply_rule(rule)

    def _apply_rule(self, rule: str) -> None:
        name, _, value = rule.partition("=")
        if name in _OTHERS:
            self.others = name
        elif name in ("hidden", "user-keys"):
            setattr(self, name.replace("-", "_"), True)
        elif name == "names":
            self.keys = _regex(_NAMES)
            self.others = self.others or "closed"
        elif name in ("keys", "pattern"):
            setattr(self, name, _regex(value))
        elif name in ("enum", "required", "any-of", "skip"):
            setattr(self, name.replace("-", "_"), tuple(value.split(",")))
        elif name in ("min", "max"):
            setattr(self, name, int(value))
        elif name in vocabulary.NAMES:
            vocabulary.require(value, vocabulary.NAMES[name], f"{name} rule")
            setattr(self, name, value)
        elif name == "json":
            self.json = value
        else:
            raise ValueError(f"unknown rule {name!r}")


_Concern = tuple[Field, str] | None
"""A field that a kind of rule concerns, and the rule that it has: "" when only fields below do."""


class _Concerns(dict[str, tuple[dict[str, _Concern], _Concern, _Concern]]):
    """What each kind of rules concerns below a field."""

    __slots__ = ("_field",)

    def __init__(self, field: Field) -> None:
        self._field = field

    def __missing__(self, kind: str) -> tuple[dict[str, _Concern], _Concern, _Concern]:
        field = self._field
        named = {key: _concern(child, kind) for key, child in field.children.items()}
        others, item = _concern(field.each, kind), _concern(field.item or field.each, kind)
        self[kind] = found = (named, others, item)
        return found


@lru_cache(maxsize=64)
def _accepted(words: str) -> tuple[frozenset[str], bool]:
    """Return the types that `words` name, and whether the items of a list must differ."""
    kinds = words.split("|")
    accepts = frozenset(kind.removesuffix("!") for kind in kinds)
    for kind in accepts:
        vocabulary.require(kind, vocabulary.TYPES, "type")
    return accepts, "list!" in kinds


def table(project: str, rows: str, shapes: dict[str, str]) -> Field:
    """Return the field of a whole project from its rows and the shapes that they name.

    Raises ValueError, which names the row, for a word that has no meaning and for a required key
    that has no row.
    """
    root = Field("")
    root.apply(project.split())
    _Table(shapes).add(root, rows)
    _derive(root, set())
    return root


def rewrite(node: Node, field: Field, kind: str, rules: Rules) -> Node:
    """Return `node` with the rules of one kind applied to all values whose fields have one.

    `kind` is one of unique, long, default, path; `rules` holds the functions by the names that the
    table uses. Nothing is done below a value that has a rule. Unchanged nodes are not copied.
    Raises ComposeError, with the path of the value, for the NodeError of a rule.
    """
    try:
        rule = getattr(field, kind)
        return rules[rule](node, field) if rule else rewrite_below(node, field, kind, rules)
    except NodeError as error:
        raise error.located() from None


def rewrite_below(node: Node, field: Field, kind: str, rules: Rules) -> Node:
    """Return `node` with the rules of one kind applied to the values below it only.

    Raises NodeError.
    """
    value = node.value
    named, others, item = field.concerned[kind]
    if type(value) is dict:
        entries: dict[str, Node] | None = None
        for key, child in value.items():
            concern = named.get(key, others)
            if concern is not None:
                below, rule = concern
                try:
                    if rule:
                        new = rules[rule](child, below)
                    else:
                        new = rewrite_below(child, below, kind, rules)
                except NodeError as error:
                    error.path.append(key)
                    raise
                if new is not child:
                    if entries is None:
                        entries = value.copy()
                    entries[key] = new
        return node if entries is None else Node(entries, node.mark)
    if type(value) is list and item is not None:
        below, rule = item
        if rule:
            apply = rules[rule]
            items = [apply(child, below) for child in value]
        else:
            items = [rewrite_below(child, below, kind, rules) for child in value]
        return node if all(map(is_, items, value)) else Node(items, node.mark)
    return node


def _check_keys(field: Field) -> None:
    for key in (*field.required, *field.any_of):
        vocabulary.require(key, field.children, f"required key of {field.key}")
    for kind in field.skip:
        vocabulary.require(kind, KINDS, f"kind of rules skipped in {field.key}")


def _derive(field: Field, done: set[Field]) -> frozenset[str]:
    """Fill in what follows from the rows. Return the kinds of rules that apply at or below.

    `done` are the fields that are filled in.
    """
    if field in done:
        return field.deep
    done.add(field)
    if field.required or field.any_of or field.skip:
        _check_keys(field)
    deep = {kind for kind in KINDS if getattr(field, kind)}
    for below in field.children.values():
        deep |= _derive(below, done)
    for other in (field.each, field.item):
        if other is not None:
            deep |= _derive(other, done)
    if field.children:
        field.always = tuple(f for f in field.children.values() if f.model.endswith("!"))
    field.deep = frozenset(deep.difference(field.skip))
    field.free = _free(field.accepts, bool(field.enum or field.pattern), field.min is not None)
    field.as_is = _KEPT_MODELS.get(field.model)
    return field.deep


@lru_cache(maxsize=64)
def _free(accepts: frozenset[str], are_texts_checked: bool, has_minimum: bool) -> frozenset[type]:
    kinds: dict[str, type] = {"bool": bool, "null": type(None)}
    if not are_texts_checked:
        kinds["str"] = str
    if not has_minimum:
        kinds["int"] = int
    return frozenset(kinds[kind] for kind in accepts & kinds.keys())


def _concern(field: Field | None, kind: str) -> _Concern:
    if field is None or kind not in field.deep:
        return None
    return field, getattr(field, kind)


def _regex(pattern: str) -> re.Pattern[str]:
    """Return a pattern of the schema, whose `$` is the very end of the text."""
    return lazy_pattern(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern)


class _Table:
    """Adds the fields of rows. The fields of a shape that is added to several parents are shared.

    A field takes a kilobyte and the time to build it, and every process builds the whole table.
    """

    def __init__(self, shapes: dict[str, str]) -> None:
        self.shapes = shapes
        self.holders: dict[str, Field] = {}
        self.shared: set[Field] = set()

    def add(self, root: Field, rows: str) -> None:
        """Add the fields of `rows` below `root`; a row of a field that exists changes it."""
        parents = [root]
        for row in rows.strip("\n").split("\n"):
            depth = len(row) - len(row.lstrip(" "))
            key, *words = row.split()
            del parents[depth + 1 :]
            try:
                if key.startswith("@"):
                    self._share(parents[-1], key[1:])
                    continue
                field = self._child(parents[-1], key)
                self._apply_row(field, words)
            except ValueError as problem:
                raise ValueError(f"table of fields, row {row.strip()!r}: {problem}") from None
            parents.append(field)

    def _share(self, parent: Field, name: str) -> None:
        if name not in self.holders:
            self.holders[name] = Field("")
            self.add(self.holders[name], self._shape(name))
            self.shared.update(self.holders[name].children.values())
        parent.children.update(self.holders[name].children)

    def _shape(self, name: str) -> str:
        vocabulary.require(name, self.shapes, "shape")
        return self.shapes[name]

    def _apply_row(self, field: Field, words: list[str]) -> None:
        if not words[0].startswith("@"):
            field.apply(words)
            return
        head, _, below = self._shape(words[0][1:]).partition("\n")
        types, model, *rules = head.split()
        own = words[1:]
        if own and own[0] in vocabulary.MODELS:
            model, *own = own
        field.apply([types, model, *rules, *own])
        if below:
            self.add(field, "\n".join(line[1:] for line in below.split("\n")))

    def _child(self, parent: Field, key: str) -> Field:
        """Return the field of `key`: a new one in place of one that others share."""
        if key == "[]":
            parent.item = parent.item or Field(key)
            return parent.item
        if key == "*":
            parent.each = parent.each or Field(key)
            return parent.each
        if key not in parent.children or parent.children[key] in self.shared:
            parent.children[key] = Field(key)
        return parent.children[key]
