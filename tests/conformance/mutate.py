"""Random changes of the recorded cases: subtrees change places, files are merged.

In: a source of randomness. Out: a `Case` without an answer.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from random import Random
from typing import Any

import yaml

from tests.conformance import distort, vocabulary, yamltext
from tests.conformance.case import Case, all_cases
from tests.conformance.yamltext import Mapping, Node, Scalar, Sequence

_EXTENSIONS = (".yaml", ".yml")
_TAGS = ("!reset", "!override", "!override", "!other")


@functools.cache
def _cases() -> list[Case]:
    return [case for case in all_cases() if "://" not in str(case.options.get("files", ""))]


@functools.cache
def _by_key() -> dict[str, list[Node]]:
    """Return the values of the cases by their key."""
    found: dict[str, list[Node]] = {}
    for case in _cases():
        for name in _yaml_names(case.files):
            for document in _parsed(case.files[name]):
                for node in yamltext.walk(document):
                    if isinstance(node, Mapping):
                        for key, value in node.value:
                            found.setdefault(key.value, []).append(value)
    return {key: nodes for key, nodes in found.items() if isinstance(key, str)}


def recorded(random: Random) -> Case:
    """Return one of the recorded cases without its answer."""
    case = random.choice(_cases())
    options = {k: v for k, v in case.options.items() if k not in ("note", "error_text_varies")}
    return dataclasses.replace(case, options=options, config=None, error="")


def project(random: Random) -> Case:
    """Return a random change of a recorded case."""
    case = recorded(random)
    files, options = dict(case.files), dict(case.options)
    for _ in range(random.choice((1, 1, 2, 3))):
        change = random.choice((_edit,) * 8 + (_second_file, _second_file, _wrap, _text, _caller))
        change(random, files, options)
    return dataclasses.replace(case, name="mutated/project", files=files, options=options)


def _yaml_names(files: dict[str, bytes]) -> list[str]:
    return sorted(name for name in files if name.endswith(_EXTENSIONS))


def _parsed(content: bytes) -> list[Node]:
    try:
        return yamltext.parse(content)
    except (yaml.YAMLError, UnicodeDecodeError):
        return []


def _edit(random: Random, files: dict[str, bytes], options: dict[str, Any]) -> None:
    names = [name for name in _yaml_names(files) if _parsed(files[name])]
    if not names:
        _text(random, files, options)
        return
    name = random.choice(names)
    documents = _parsed(files[name])
    nodes = [node for document in documents for node in yamltext.walk(document)]
    containers = [node for node in nodes if isinstance(node, Mapping | Sequence) and node.value]
    if containers:
        random.choice((_replace, _replace, _odd, _odd, _drop, _insert, _insert, _tag, _double))(
            random, random.choice(containers)
        )
    files[name] = yamltext.render(documents).encode()


def _value_at(container: Node, index: int) -> Node:
    item = container.value[index]
    node: Node = item[1] if isinstance(container, Mapping) else item
    return node


def _put(container: Node, index: int, node: Node) -> None:
    old = container.value[index]
    container.value[index] = (old[0], node) if isinstance(container, Mapping) else node


def _odd(random: Random, container: Node) -> None:
    odd = yamltext.snippet(random.choice(vocabulary.ODD))
    _put(container, random.randrange(len(container.value)), odd)


def _replace(random: Random, container: Node) -> None:
    index = random.randrange(len(container.value))
    if isinstance(container, Mapping):
        key = container.value[index][0].value
        others = _by_key().get(key if isinstance(key, str) else "", [])
    else:
        others = container.value
    if others:
        _put(container, index, copy.deepcopy(random.choice(others)))


def _drop(random: Random, container: Node) -> None:
    del container.value[random.randrange(len(container.value))]


def _double(random: Random, container: Node) -> None:
    container.value.append(container.value[random.randrange(len(container.value))])


def _insert(random: Random, container: Node) -> None:
    if isinstance(container, Sequence):
        _double(random, container)
        return
    siblings = [key.value for key, _ in container.value]
    key = random.choice(_neighbours().get(_first(siblings), ["x-a"]))
    nodes = _by_key().get(key, [yamltext.plain("1")])
    pair = (yamltext.plain(key), copy.deepcopy(random.choice(nodes)))
    container.value.insert(random.randint(0, len(container.value)), pair)


def _first(keys: list[Any]) -> str:
    return min((key for key in keys if isinstance(key, str)), default="")


@functools.cache
def _neighbours() -> dict[str, list[str]]:
    """Return, for each key, the keys that are beside it in some case."""
    found: dict[str, set[str]] = {}
    for case in _cases():
        for name in _yaml_names(case.files):
            for document in _parsed(case.files[name]):
                for node in yamltext.walk(document):
                    if isinstance(node, Mapping):
                        keys = {key.value for key, _ in node.value if isinstance(key.value, str)}
                        for key in keys:
                            found.setdefault(key, set()).update(keys)
    return {key: sorted(names) for key, names in found.items()}


def _tag(random: Random, container: Node) -> None:
    node = _value_at(container, random.randrange(len(container.value)))
    node.tag = random.choice(_TAGS)
    if isinstance(node, Scalar) and not node.value:
        node.value = "null"


def _second_file(random: Random, files: dict[str, bytes], options: dict[str, Any]) -> None:
    """Merge the files of another case with these, after them or before them."""
    other = random.choice(_cases())
    if "files" not in options:
        options["files"] = [
            name for name in ("compose.yaml", "compose.override.yaml") if name in files
        ] or _yaml_names(files)[:1]
    for name, content in other.files.items():
        files.setdefault(name, content)
    names = [name for name in other.options.get("files", ["compose.yaml"]) if name in other.files]
    for name in names:
        new = f"other-{name}" if "/" not in name else f"{name}.other.yaml"
        files[new] = other.files[name]
        options["files"] = options["files"] + [new]
    if random.random() < 0.3:
        options["files"] = options["files"][::-1]
    options["env"] = other.options.get("env", {}) | options.get("env", {})


def _wrap(random: Random, files: dict[str, bytes], options: dict[str, Any]) -> None:
    """Put the main file behind an include or an extends."""
    main = (options.get("files") or ["compose.yaml"])[0]
    if main not in files or "/" in main:
        return
    folder = random.choice(("", "sub/"))
    files[f"{folder}inner.yaml"] = files[main]
    for name, content in list(files.items()):
        if folder and "/" not in name:
            files.setdefault(folder + name, content)
    services = [
        key.value
        for document in _parsed(files[main])
        if isinstance(document, Mapping)
        for section, value in document.value
        if section.value == "services" and isinstance(value, Mapping)
        for key, _ in value.value
    ]
    if services and random.random() < 0.5:
        name = random.choice(services)
        text = (
            f"services:\n  outer:\n    extends: {{service: {name!r}, file: {folder}inner.yaml}}\n"
            f"    privileged: {random.choice(('true', 'false', '!reset null'))}\n"
        )
    else:
        text = f"include: [{folder}inner.yaml]\nservices:\n  outer: {{image: x}}\n"
    files[main] = text.encode()


def _text(random: Random, files: dict[str, bytes], options: dict[str, Any]) -> None:
    if files:
        name = random.choice(sorted(files))
        files[name] = distort.text(files[name], random)


def _caller(random: Random, files: dict[str, bytes], options: dict[str, Any]) -> None:
    kind = random.randrange(4)
    env = dict(options.get("env", {}))
    if kind == 0:
        options["profiles"] = random.choice(([], ["*"], ["debug"], ["gpu", "x"]))
    elif kind == 1 and env:
        env[random.choice(sorted(env))] = random.choice(("", "x", "1", "true", "$A", "a b"))
        options["env"] = env
    elif kind == 2:
        lines = [random.choice(vocabulary.DOTENV.usual) for _ in range(3)]
        files[".env"] = "\n".join([*lines, ""]).encode()
    else:
        options["project_directory"] = random.choice((".", "sub", "/project"))
