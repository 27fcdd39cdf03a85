"""Edit the text of a YAML file at one place. Everything else stays as it is, byte for byte.

In: a text and a Place in it. Out: the new text. Pure. Errors: NotEditable.
"""

from __future__ import annotations

import re
from typing import Final

import yaml

from policyd.fixes.yaml_places import NotEditable, Place, end, entries, is_flow, offset

_ITEM: Final = re.compile(r" *- +")
_VARIABLE: Final = re.compile(r"\$\$|\$\{[^}]*\}|\$\w+")


def without(text: str, place: Place) -> str:
    """Return `text` without the entry `place`. Collections that become empty are removed too.

    A service, and an entry of the top level, is kept as `{}`.
    """
    if place.parent is None:
        raise NotEditable("it is the whole file")
    if len(place.siblings) == 1:
        return _without_last(text, place.parent)
    if is_flow(place.parent):
        return _without_in_flow(text, place)
    return _without_in_block(text, place)


def with_value(text: str, place: Place, value: str) -> str:
    """Return `text` with `value` instead of that of the entry `place`."""
    return text[: offset(place.node)] + value + text[end(place.node) :]


def with_entry(text: str, place: Place, key: str, value: str) -> str:
    """Return `text` with `key: value` in the mapping `place`; an entry `key` is replaced."""
    if not isinstance(place.node, yaml.MappingNode):
        raise NotEditable("it is not a mapping")
    for entry in entries(place):
        if entry.name == key:
            return with_value(text, entry, value)
    return _appended(text, place, f"{key}: {value}")


def with_item(text: str, place: Place, value: str) -> str:
    """Return `text` with the item `value` at the end of the list `place`."""
    if not isinstance(place.node, yaml.SequenceNode):
        raise NotEditable("it is not a list")
    return _appended(text, place, value if is_flow(place) else f"- {value}")


def with_read_only_mount(text: str, place: Place) -> str:
    """Return `text` with the item `place` of `volumes` mounted read-only."""
    if isinstance(place.node, yaml.MappingNode):
        return with_entry(text, place, "read_only", "true")
    node = place.node
    if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">"):
        raise NotEditable("the mount is not written on one line")
    start, stop = offset(node), end(node)
    written = text[start:stop]
    parts = _VARIABLE.sub("_", node.value).split(":")
    if node.value.endswith(":rw") or node.value.endswith(",rw"):
        cut = written.rindex("rw")
        return f"{text[:start]}{written[:cut]}ro{written[cut + 2 :]}{text[stop:]}"
    quote = written[-1:] if node.style else ""
    separator = {2: ":", 3: ","}.get(len(parts))
    if separator is None:
        raise NotEditable("the mount has no target")
    return f"{text[: stop - len(quote)]}{separator}ro{quote}{text[stop:]}"


def _without_last(text: str, collection: Place) -> str:
    """Return `text` without `collection`, whose only entry is to be removed."""
    parent = collection.parent
    is_kept = parent is None or parent.parent is None or parent.name == "services"
    if not is_kept:
        return without(text, collection)
    brackets = "[]" if isinstance(collection.node, yaml.SequenceNode) else "{}"
    start, stop = offset(collection.node), end(collection.node)
    if is_flow(collection):
        opening = text.index(brackets[0], start)
        return text[:opening] + brackets + text[stop:]
    if collection.key is None:
        raise NotEditable("nothing would be left of the file")
    colon = text.index(":", end(collection.key))
    first, last = _lines(text, start, stop)
    if text[first:start].strip(" "):
        raise NotEditable("other text stands on the same line")
    return f"{text[: colon + 1]} {brackets}{text[colon + 1 : first]}{text[last:]}"


def _without_in_flow(text: str, place: Place) -> str:
    siblings = place.siblings
    if place.index + 1 < len(siblings):
        return text[: place.start] + text[siblings[place.index + 1].start :]
    return text[: end(siblings[place.index - 1].node)] + text[end(place.node) :]


def _without_in_block(text: str, place: Place) -> str:
    start, siblings = place.start, place.siblings
    first, last = _lines(text, start, end(place.node))
    before = text[first:start]
    if place.key is None and _ITEM.fullmatch(before):
        return text[:first] + text[last:]
    if place.key is not None and not before.strip(" "):
        return text[:first] + text[last:]
    if place.key is not None and place.index == 0 and _ITEM.fullmatch(before):
        return text[:start] + text[siblings[1].start :]
    raise NotEditable("other text stands on the same line")


def _appended(text: str, collection: Place, entry: str) -> str:
    inside = list(entries(collection))
    if not inside:
        stop = end(collection.node)
        if not is_flow(collection):
            raise NotEditable("the collection is empty")
        return text[: stop - 1] + entry + text[stop - 1 :]
    stop = end(inside[-1].node)
    if is_flow(collection):
        return f"{text[:stop]}, {entry}{text[stop:]}"
    column = collection.node.start_mark.column
    if offset(collection.node) != inside[0].start and inside[0].key is not None:
        raise NotEditable("the mapping has an anchor or a tag")
    _, last = _lines(text, inside[-1].start, stop)
    newline = "\r\n" if "\r\n" in text else "\n"
    opened = "" if text[:last].endswith("\n") else newline
    closed = "" if last == len(text) and opened else newline
    return f"{text[:last]}{opened}{' ' * column}{entry}{closed}{text[last:]}"


def _lines(text: str, start: int, stop: int) -> tuple[int, int]:
    """Return where the lines of the text from `start` to `stop` begin, and where they end."""
    first = text.rfind("\n", 0, start) + 1
    if stop > start and text[stop - 1 : stop] == "\n":  # a block scalar ends with its last line
        return first, stop
    last = text.find("\n", stop)
    return first, len(text) if last < 0 else last + 1
