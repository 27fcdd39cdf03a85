"""Make a case smaller while a predicate holds for it.

In: a case and a predicate. Out: a case for which the predicate still holds. No single file, option,
entry of a mapping or list, or line can be removed from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import yaml

from tests.conformance import yamltext
from tests.conformance.case import Case
from tests.conformance.yamltext import Mapping, Node, Scalar, Sequence

Holds = Callable[[Case], bool]
_MOST_TRIALS = 1_500


class _Shrinker:
    def __init__(self, case: Case, holds: Holds) -> None:
        self.case = case
        self.holds = holds
        self.trials = 0

    def accept(self, **changes: Any) -> bool:
        self.trials += 1
        candidate = dataclasses.replace(self.case, **changes)
        if self.trials > _MOST_TRIALS or not self.holds(candidate):
            return False
        self.case = candidate
        return True

    def run(self) -> Case:
        size = -1
        while size != self.size() and self.trials <= _MOST_TRIALS:
            size = self.size()
            self._files()
            self._options()
            for name in list(self.case.files):
                self._tree(name)
                self._lines(name)
        return self.case

    def size(self) -> int:
        return len(self.case.archive())

    def _with(self, name: str, content: bytes) -> bool:
        if content == self.case.files[name]:
            return False
        return self.accept(files=self.case.files | {name: content})

    def _files(self) -> None:
        for name in list(self.case.files):
            files = {key: value for key, value in self.case.files.items() if key != name}
            options = dict(self.case.options)
            if name in options.get("files", ()):
                options["files"] = [one for one in options["files"] if one != name]
            if options.get("files", [name]):
                self.accept(files=files, options=options)

    def _options(self) -> None:
        for key in list(self.case.options):
            rest = {name: value for name, value in self.case.options.items() if name != key}
            self.accept(options=rest)
        for variable in list(self.case.options.get("env", {})):
            env = {k: v for k, v in self.case.options["env"].items() if k != variable}
            self.accept(options=dict(self.case.options) | {"env": env})

    def _tree(self, name: str) -> None:
        try:
            documents = yamltext.parse(self.case.files[name])
        except (yaml.YAMLError, UnicodeDecodeError):
            return
        for document in documents:
            for node in yamltext.walk(document):
                if isinstance(node, Mapping | Sequence):
                    node.flow_style = False
        if not documents:
            return
        block = yamltext.render(documents).encode()
        if block != self.case.files[name] and not self._with(name, block):
            return
        while len(documents) > 1 and self._with(name, yamltext.render(documents[:-1]).encode()):
            documents.pop()
        for document in documents:
            for node in list(yamltext.walk(document)):
                self._entries(name, documents, node)
                self._simpler(name, documents, node)

    def _entries(self, name: str, documents: list[Node], node: Node) -> None:
        if isinstance(node, Scalar):
            return
        for index in reversed(range(len(node.value))):
            entry = node.value.pop(index)
            if not self._with(name, yamltext.render(documents).encode()):
                node.value.insert(index, entry)

    def _simpler(self, name: str, documents: list[Node], node: Node) -> None:
        if isinstance(node, Scalar) and len(node.value) > 1:
            before, node.value = node.value, "x"
            if not self._with(name, yamltext.render(documents).encode()):
                node.value = before
        if node.tag.startswith("!"):
            before, node.tag = node.tag, yamltext.TAGS[type(node)]
            if not self._with(name, yamltext.render(documents).encode()):
                node.tag = before

    def _lines(self, name: str) -> None:
        lines = self.case.files[name].splitlines(keepends=True)
        size = max(1, len(lines) // 2)
        while size:
            start = 0
            while start < len(lines):
                rest = lines[:start] + lines[start + size :]
                if self._with(name, b"".join(rest)):
                    lines = rest
                else:
                    start += size
            size //= 2


def shrink(case: Case, holds: Holds) -> Case:
    """Return a smaller case for which `holds` is still true."""
    return _Shrinker(case, holds).run()
