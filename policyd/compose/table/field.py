"""What is known of one field of a Compose project, and how rows of the table become fields.

In: rows of text, indented by a blank a level (`fields.py`). Out: a tree of `Field`, and `rewrite`,
which walks it beside a tree of values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from operator import is_
from typing import Final

from policyd.compose.nodes import Node

_NAMES: Final = "^[a-zA-Z0-9._-]+$"
KINDS: Final = ("unique", "long", "default", "path")
"""The kinds of rules that `rewrite` applies."""

Rules = Mapping[str, Callable[[Node, "Field"], Node]]
"""What to do with a value and its field, by the name of the rule."""

_OTHERS: Final = frozenset({"x", "closed", "open"})


class Field:
    """One row: what the schema accepts, the model, the rules, and the fields below.

    `accepts` holds the words of the table (str, int, num, bool, null, map, list, any); `children`
    the fields of named keys, `each` the field of any other key, `item` that of list items; `deep`
    names the kinds of rules (unique, long, default, path) that are here or somewhere below;
    `always` holds the children that are printed even when they are not there; `concerned` has, for
    each of these kinds, what it concerns of the children, of other keys and of list items; `free`
    holds the types of scalars that the schema takes here whatever their value, `as_is` is the one
    that the model keeps as it is.
    """

    __slots__ = (
        "accepts",
        "always",
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
        self.concerned: dict[str, tuple[dict[str, _Concern], _Concern, _Concern]] = {}

    def below(self, key: str) -> Field | None:
        """Return the field of the entry `key` of a mapping, None for one not in the table."""
        return self.children.get(key) or self.each

    def apply(self, words: list[str]) -> None:
        """Take what a row says: accepted kinds, model, rules."""
        accepts, self.model, *rules = words
        kinds = accepts.split("|")
        self.unique_items = "list!" in kinds
        self.accepts = frozenset(kind.rstrip("!") for kind in kinds)
        for rule in rules:
            self.rule(rule)

    def rule(self, rule: str) -> None:
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
        elif name in ("enum", "required"):
            setattr(self, name, tuple(value.split(",")))
        elif name in ("min", "max"):
            setattr(self, name, int(value))
        elif name in ("cast", "merge", "unique", "long", "default", "path", "json"):
            setattr(self, name, value)
        else:
            raise ValueError(f"the table of fields has no rule {rule!r}")


_Concern = tuple[Field, str] | None
"""A field that a kind of rule concerns, and the rule that it has: "" when only fields below do."""


def table(project: str, rows: str, shapes: dict[str, str]) -> Field:
    """Return the field of a whole project from its rows and the shapes that they name."""
    root = Field("")
    root.apply(project.split())
    _hang(root, rows, shapes)
    _look_below(root)
    return root


def rewrite(node: Node, field: Field, kind: str, rules: Rules) -> Node:
    """Return `node` with the rule of its field applied to every value that has one of that kind.

    `kind` is one of unique, long, default, path; `rules` has what to do by the name that is in the
    table. Nothing is done below a value that has a rule. What has not changed is not copied.
    """
    rule = getattr(field, kind)
    return rules[rule](node, field) if rule else rewrite_below(node, field, kind, rules)


def rewrite_below(node: Node, field: Field, kind: str, rules: Rules) -> Node:
    """Do as `rewrite`, for the values below `node` only."""
    value = node.value
    named, others, item = field.concerned[kind]
    if type(value) is dict:
        entries: dict[str, Node] | None = None
        for key, child in value.items():
            concern = named.get(key, others)
            if concern is not None:
                below, rule = concern
                if rule:
                    new = rules[rule](child, below)
                else:
                    new = rewrite_below(child, below, kind, rules)
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


def _look_below(field: Field) -> frozenset[str]:
    below = [*field.children.values(), *(f for f in (field.each, field.item) if f is not None)]
    own = {kind for kind in KINDS if getattr(field, kind)}
    field.always = tuple(f for f in field.children.values() if f.model.endswith("!"))
    field.deep = frozenset(own.union(*(_look_below(child) for child in below)))
    field.free = _free(field)
    field.as_is = {"str": str, "bool": bool}.get(field.model.rstrip("?!"))
    for kind in KINDS:
        named = {key: _concern(child, kind) for key, child in field.children.items()}
        others, item = _concern(field.each, kind), _concern(field.item or field.each, kind)
        field.concerned[kind] = (named, others, item)
    return field.deep


def _free(field: Field) -> frozenset[type]:
    kinds: dict[str, type] = {"bool": bool, "null": type(None)}
    if not field.enum and field.pattern is None:
        kinds["str"] = str
    if field.min is None:
        kinds["int"] = int
    return frozenset(kinds[kind] for kind in field.accepts & kinds.keys())


def _concern(field: Field | None, kind: str) -> _Concern:
    if field is None or kind not in field.deep:
        return None
    return field, getattr(field, kind)


def _regex(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of the schema, whose `$` is the very end of the text."""
    return re.compile(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern)


def _hang(root: Field, rows: str, shapes: dict[str, str]) -> None:
    """Hang the fields of `rows` below `root`; a row of a field that is there changes it."""
    parents = [root]
    for row in rows.strip("\n").split("\n"):
        depth = len(row) - len(row.lstrip(" "))
        key, *words = row.split()
        del parents[depth + 1 :]
        field = _child(parents[-1], key)
        if words[0].startswith("@"):
            head, _, below = shapes[words[0][1:]].partition("\n")
            first, *rules = head.split()
            model = words[1:2] if len(words) > 1 and "=" not in words[1] else []
            own = words[1 + len(model) :]
            field.apply([first, *(model or rules[:1]), *rules[1:], *own])
            if below:
                _hang(field, "\n".join(line[1:] for line in below.split("\n")), shapes)
        else:
            field.apply(words)
        parents.append(field)


def _child(parent: Field, key: str) -> Field:
    if key == "[]":
        parent.item = parent.item or Field(key)
        return parent.item
    if key == "*":
        parent.each = parent.each or Field(key)
        return parent.each
    return parent.children.setdefault(key, Field(key))
