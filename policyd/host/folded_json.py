"""Read JSON as the Docker daemon reads it, and refuse what two readers could read differently.

In: the body of an API request. Out: Fields, whose getters return typed values. Go compares the keys
of an object with the names of the fields without regard to case, and merges duplicate keys. So keys
are folded here, exactly as Go folds them: a key that Go ignores is ignored. Duplicate keys are an
error. Errors: RequestError, which quotes no value. Source: Go, package encoding/json (Unmarshal,
foldName), package unicode (SimpleFold).
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from policyd.errors import RequestError

MAX_DEPTH: Final = 64
"""Nested lists and objects of a body. The deepest known body has 7."""
_FOLDED: Final = str.maketrans(
    string.ascii_uppercase + "\u017f\u212a", string.ascii_lowercase + "sk"
)
"""The characters that Go takes for an ASCII letter. Ligatures and the sharp s are not among them,
although Python's `casefold` takes them for two letters."""


class Fields:
    """The fields of an object; a field that is null or missing is empty."""

    def __init__(self, value: dict[str, Any] | None = None, where: str = "") -> None:
        """`where` names the object in messages. Raises RequestError for keys that fold alike."""
        self._where = where
        self._values: dict[str, Any] = {}
        for key, child in (value or {}).items():
            name = key.translate(_FOLDED)
            if name in self._values:
                raise RequestError(f"{self.path(key)}: duplicate key, apart from its case")
            self._values[name] = child

    def path(self, name: str) -> str:
        """Return the name of the field `name` in messages."""
        return f"{self._where}.{name}" if self._where else name

    def has(self, name: str) -> bool:
        """Return whether the field is set and not null."""
        return self._get(name) is not None

    def is_set(self, name: str) -> bool:
        """Return whether the field has a value other than null, false, 0, "", [] and {}."""
        return bool(self._get(name))

    def text(self, name: str) -> str:
        """Return a text."""
        return self._typed(name, str, "a text") or ""

    def absolute(self, name: str) -> str:
        """Return an absolute path, "" if there is none."""
        path = self.text(name)
        if path and not path.startswith("/"):
            self._wrong(name, "an absolute path")
        return path

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        return self._typed(name, bool, "true or false") or False

    def integer(self, name: str) -> int:
        """Return an integer."""
        value = self._get(name)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong(name, "a whole number")
        return value

    def texts(self, name: str) -> list[str]:
        """Return a list of texts; one text stands for a list of one."""
        value = self._get(name)
        if isinstance(value, str):
            return [value]
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._wrong(name, "a list of texts")
        return value

    def pairs(self, name: str) -> dict[str, str]:
        """Return a mapping from texts to texts; its keys are not folded."""
        value = self._typed(name, dict, "an object") or {}
        if not all(isinstance(item, str) for item in value.values()):
            self._wrong(name, "an object of texts")
        return value

    def object(self, name: str) -> Fields:
        """Return an object."""
        return Fields(self._typed(name, dict, "an object"), self.path(name))

    def objects(self, name: str) -> list[Fields]:
        """Return a list of objects."""
        return self._objects(self._get(name), name)

    def keys(self, name: str) -> list[str]:
        """Return the keys of a mapping, which are not folded."""
        return list(self._typed(name, dict, "an object") or {})

    def objects_by_key(self, name: str) -> Iterator[tuple[str, list[Fields]]]:
        """Yield the lists of objects of a mapping by their keys, which are not folded."""
        for key, value in (self._typed(name, dict, "an object") or {}).items():
            yield key, self._objects(value, f"{name}.{key}")

    def lists(self, name: str) -> list[list[str]]:
        """Return a list of lists of texts."""
        found = self._typed(name, list, "a list") or []
        for inner in found:
            if not isinstance(inner, list) or not all(isinstance(item, str) for item in inner):
                self._wrong(name, "a list of lists of texts")
        return found

    def _objects(self, value: Any, name: str) -> list[Fields]:
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._wrong(name, "a list of objects")
        return [Fields(item, f"{self.path(name)}[{place}]") for place, item in enumerate(value)]

    def _get(self, name: str) -> Any:
        return self._values.get(name.translate(_FOLDED))

    def _typed(self, name: str, kind: type, expected: str) -> Any:
        value = self._get(name)
        if value is not None and not isinstance(value, kind):
            self._wrong(name, expected)
        return value

    def _wrong(self, name: str, expected: str) -> NoReturn:
        raise RequestError(f"{self.path(name)}: expected {expected}")


def read_object(content: bytes) -> Fields:
    """Return the object in `content`. Raises RequestError."""
    value = _parsed(content)
    if not isinstance(value, dict):
        raise RequestError("the body of the request is not a JSON object")
    _check_depth(value)
    return Fields(value)


def _parsed(content: bytes) -> Any:
    try:
        text = content.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_distinct, parse_constant=_constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # finds lone surrogates
    except UnicodeError:
        raise RequestError("the body of the request is not valid Unicode") from None
    except RecursionError:
        raise RequestError("the body of the request is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise RequestError(
            f"the body of the request is not valid JSON: line {error.lineno}, column {error.colno}"
        ) from None
    except ValueError:  # a number of more digits than Python reads
        raise RequestError("the body of the request has a number that is too long") from None
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise RequestError(f"{key[:100]!r}: duplicate key in the body of the request")
            seen.add(key)
    return found


def _constant(name: str) -> NoReturn:
    raise RequestError(f"the body of the request is not valid JSON: it contains {name}")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise RequestError("the body of the request is nested too deeply")
