"""Read the YAML of policy sets and of Rego METADATA, and keep the position of each value.

In: text. Out: Value. Each method of Value returns a value of one type, and raises PolicySetError,
with file, line and column, for any other type. Scalars follow the JSON schema of YAML 1.2: `yes`
and `on` are strings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import yaml

from policyd.errors import PolicySetError
from policyd.lazy_pattern import lazy_pattern
from policyd.limits import MAX_FILE
from policyd.model import Location
from policyd.suggestion import did_you_mean

MAX_TEXT = MAX_FILE
"""Characters of one file: the same limit as for a Compose file."""

MAX_DEPTH = 50
"""Levels of nesting: real documents have fewer than ten, and deep ones overflow Python's stack."""

MAX_DIGITS = 18
"""Digits of an integer: the engines read larger ones differently."""

MAX_LISTED = 15
"""Names in an error message: a longer list does not help."""

_KINDS = {
    "tag:yaml.org,2002:str": "a string",
    "tag:yaml.org,2002:int": "an integer",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:bool": "a boolean",
    "tag:yaml.org,2002:null": "null",
    "tag:yaml.org,2002:seq": "a list",
    "tag:yaml.org,2002:map": "a mapping",
}


_YAML_HINTS = (
    ("mapping values are not allowed", "; check the indentation, and quote a text that has ': '"),
    ("cannot start any token", "; indent with spaces, and quote a text that begins with ` or @"),
    ("unexpected end of stream", "; a quote or a bracket is not closed"),
)
"""What to do about errors of libyaml that do not say it."""


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("bool", r"^(?:true|false)$", ["t", "f"]),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", list("-0123456789")),
    ("float", r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", lazy_pattern(_pattern), _first)


class Value:
    """A YAML value and its position. `what` names it in messages: "spec.packs[0]"."""

    def __init__(
        self,
        node: yaml.Node,
        file: str,
        what: str,
        shift: tuple[int, int] = (0, 0),
        *,
        is_document: bool = False,
    ):
        self.node = node
        self.file = file
        self.what = what
        self._shift = shift
        self._prefix = "" if is_document else f"{what}."
        self.where = _place(node.start_mark, file, shift)

    def error(self, message: str) -> PolicySetError:
        """Return an error about this value: its name, followed by `message`."""
        return PolicySetError(f"{self.what} {message}", self.where)

    def mapping(self, keys: Iterable[str] | None = None) -> dict[str, Value]:
        """Return the values of a mapping by key. With `keys`, other keys are errors."""
        problems: list[PolicySetError] = []
        found = self.known(keys, problems)
        for problem in problems:
            raise problem
        return found

    def known(self, keys: Iterable[str] | None, problems: list[PolicySetError]) -> dict[str, Value]:
        """Return the values of a mapping by key, without keys that are not one of `keys`.

        Errors in keys are added to `problems`. Raises PolicySetError for any other type.
        """
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"must be a mapping, not {self.kind()}")
        known = None if keys is None else tuple(keys)
        found: dict[str, Value] = {}
        for key_node, node in self.node.value:
            key = Value(key_node, self.file, f"the key of {self.what}", self._shift)
            try:
                name = self._key(key, found, known)
            except PolicySetError as problem:
                problems.append(problem)
                continue
            found[name] = Value(node, self.file, f"{self._prefix}{name}", self._shift)
        return found

    def key_place(self, name: str) -> Location:
        """Return the place of the key `name` of a mapping that has it."""
        keys = (Value(key, self.file, name, self._shift) for key, _ in self.node.value)
        return next(key.where for key in keys if key.text() == name)

    def _key(self, key: Value, found: Mapping[str, Value], known: tuple[str, ...] | None) -> str:
        name = key.text()
        if name in found:
            raise PolicySetError(f"{self.what} has the duplicate key {name!r}", key.where)
        if known is not None and name not in known:
            raise PolicySetError(
                f"{self.what} has the unknown key {name!r}{key_hint(name, known)}", key.where
            )
        return name

    def items(self) -> list[Value]:
        """Return the values of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error(f"must be a list, not {self.kind()}")
        return [
            Value(node, self.file, f"{self.what}[{i}]", self._shift)
            for i, node in enumerate(self.node.value)
        ]

    def text(self) -> str:
        """Return a string that is not empty."""
        if self.node.tag != "tag:yaml.org,2002:str" or not isinstance(self.node.value, str):
            raise self.error(f"must be a string, not {self.kind()}")
        if not self.node.value:
            raise self.error("is empty")
        return self.node.value

    def one_of(self, choices: Sequence[str]) -> str:
        """Return a string that is one of `choices`."""
        text = self.text()
        if text not in choices:
            meant = [choice for choice in choices if choice.lower() == text.lower()]
            hint = f"; did you mean {meant[0]}?" if meant else did_you_mean(text, choices)
            raise self.error(f"is {text!r}: it must be one of {', '.join(choices)}{hint}")
        return text

    def texts(self) -> tuple[str, ...]:
        """Return the strings of a list."""
        return tuple(value.text() for value in self.items())

    def plain(self) -> Any:
        """Return the value as JSON. Raises PolicySetError for a tag without a JSON type."""
        if isinstance(self.node, yaml.MappingNode):
            return {key: value.plain() for key, value in self.mapping().items()}
        if isinstance(self.node, yaml.SequenceNode):
            return [value.plain() for value in self.items()]
        tag, text = self.node.tag.rpartition(":")[2], self.node.value
        if tag == "str":
            return text
        if tag == "null":
            return None
        if tag == "bool":
            return text == "true"
        if tag == "int":
            if len(text) > MAX_DIGITS:
                raise self.error(f"is an integer of more than {MAX_DIGITS} digits")
            return int(text)
        if tag == "float":
            return float(text)
        raise self.error(f"has the unsupported YAML tag {self.node.tag}")

    def kind(self) -> str:
        """Return the type of the value with its article: "a list"."""
        return _KINDS.get(self.node.tag, f"a value with the tag {self.node.tag}")


def _place(mark: Any, file: str, shift: tuple[int, int]) -> Location:
    """Return the position of a mark of PyYAML, which counts from 0. None means the whole file."""
    if mark is None:
        return Location(file)
    return Location(file, mark.line + 1 + shift[0], mark.column + 1 + shift[1])


def required(values: Mapping[str, Value], key: str, of: Value) -> Value:
    """Return `values[key]`. Raises PolicySetError when the mapping `of` does not have the key."""
    if key not in values:
        raise of.error(f"must have the key {key!r}")
    return values[key]


def key_hint(name: str, known: Iterable[str]) -> str:
    """Return the end of an error about the unknown key `name`: the nearest key, or all keys."""
    names = sorted(known)
    if not names:
        return "; no key is valid here"
    listed = f"; valid keys are {', '.join(names)}" if len(names) <= MAX_LISTED else ""
    return did_you_mean(name, names) or listed


def documents(
    text: str, file: str, shift: tuple[int, int] = (0, 0), what: str = "the document"
) -> list[Value]:
    """Return the YAML documents of `text`, which starts `shift` lines and columns into `file`.

    Messages call a document `what`.

    Raises PolicySetError for text that is not valid YAML, is too long, or is nested too deeply.
    """
    if len(text) > MAX_TEXT:
        raise PolicySetError(f"the file exceeds the limit of {MAX_TEXT} characters", Location(file))
    try:
        _check_depth(text, file, shift)
        nodes = _nodes(text)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
        raise PolicySetError(
            f"invalid YAML: the character {chr(error.character)!r} is not allowed",
            Location(file, line + 1 + shift[0], column + 1 + shift[1]),
        ) from error
    except yaml.YAMLError as error:
        where = _place(getattr(error, "problem_mark", None), file, shift)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        hint = next((hint for part, hint in _YAML_HINTS if part in problem), "")
        raise PolicySetError(f"invalid YAML: {problem}{hint}", where) from error
    return [Value(node, file, what, shift, is_document=True) for node in nodes]


@lru_cache(maxsize=64)
def _nodes(text: str) -> tuple[yaml.Node, ...]:
    """Return the documents of `text`. A reload composes only the files that changed."""
    return tuple(node for node in yaml.compose_all(text, Loader=_Loader) if node is not None)


def _check_depth(text: str, file: str, shift: tuple[int, int]) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if isinstance(event, yaml.AliasEvent):
            where = _place(event.start_mark, file, shift)
            raise PolicySetError("YAML aliases are not supported", where)
        if depth > MAX_DEPTH:
            where = _place(event.start_mark, file, shift)
            raise PolicySetError(f"the nesting exceeds the limit of {MAX_DEPTH} levels", where)
