"""Compare the loader with compose-go on every field of the table, one field in each project.

    python -m tests.conformance.enumerate FOLDER [--forms FORM…] [--only GLOB] [--every N]

Forms:
    alone       the field with every odd value of the vocabulary and some valid ones
    override    a value in one file and another value in a second `-f` file
    extends     a value in a service or job of another file and another value where it is extended
    include     a value in an included file and another value in the including file
    inherit     a value of a service and another value in its `pre_start` hook

GLOB selects fields by their path, such as 'jobs.*' or '*.gpus*'. Differences are reported and
written to FOLDER as the hunt does. Exit code 1 when there is one.
"""

from __future__ import annotations

import argparse
import copy
import fnmatch
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from policyd.compose.table.field import Field
from policyd.compose.table.fields import PROJECT
from tests.conformance import vocabulary, yamltext
from tests.conformance.case import Case
from tests.conformance.generate import sample
from tests.conformance.hunt import Hunt
from tests.conformance.oracle import Oracle
from tests.conformance.yamltext import Mapping, Node

Path_ = tuple[str, ...]
_WORDS_OVER = ("null", '""', "[]", "{}", "1", "x", "[a, a]", "!reset null", "!reset x")
"""What stands in one of two files besides the valid values."""
_NAMES = {
    ("services",): "a",
    ("jobs",): "j",
    ("networks",): "front",
    ("volumes",): "data",
    ("secrets",): "tok",
    ("configs",): "conf",
    ("models",): "llm",
}
_DECLARED = """\
services:
  b: {image: x}
  c: {image: x}
networks: {front: {}, back: {}}
volumes: {data: {}, cache: {}}
secrets: {tok: {file: ./t}, cert: {file: ./c}}
configs: {conf: {file: ./c}}
models: {llm: {model: m}}
"""
"""What values refer to."""
_FILES = {"one.env": b"A=1\nFILE=one\n", "two.env": b"A=2\n", "sub/three.env": b"A=3\n"}
_CONTAINERS = ("services.*", "jobs.*")


def fields(field: Field = PROJECT, path: Path_ = ()) -> Iterator[tuple[Path_, Field]]:
    """Yield every field below `field` with its path; `*` stands for a key, `[]` for an item."""
    below = list(field.children.items())
    if field.each:
        below.append(("*", field.each))
    if field.item:
        below.append(("[]", field.item))
    for key, child in below:
        yield (*path, key), child
        yield from fields(child, (*path, key))


def project(path: Path_, value: Node, *, complete: bool = True) -> Node:
    """Return a document with `value` at `path`; `complete` adds the keys that are required."""
    declared = yamltext.snippet(_DECLARED) if complete else yamltext.mapping(())
    return _merged(declared, _below(PROJECT, (), path, value, complete))


def _below(field: Field, done: Path_, left: Path_, value: Node, complete: bool) -> Node:
    if not left:
        return value
    key, rest = left[0], left[1:]
    child = field.at(key)
    node = _below(child, (*done, key), rest, value, complete)
    if key == "[]":
        return yamltext.sequence([node])
    name = _key(done) if key == "*" else key
    pairs = [(name, node)]
    if complete:
        pairs += [
            (other, _sample(field.children[other], (*done, other), 0))
            for other in _required(field, done)
            if other != name
        ]
    return yamltext.mapping(pairs)


def _required(field: Field, path: Path_) -> tuple[str, ...]:
    image = ("image",) if ".".join(path) in _CONTAINERS else ()
    return (*field.required, *field.any_of[:1], *image)


def _key(path: Path_) -> str:
    if name := _NAMES.get(path):
        return name
    for start in range(len(path)):
        if names := vocabulary.KEYS.get(".".join(path[start:])):
            return {"SERVICE": "b", "NETWORK": "front", "MODEL": "llm"}.get(names[0], names[0])
    return "LEVEL"


def _merged(one: Node, other: Node) -> Node:
    """Return mapping `one` with the entries of `other`, which win."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return other
    old = {key.value: value for key, value in one.value}
    new = {key.value: value for key, value in other.value}
    pairs = [(key, _merged(old[key], new[key]) if key in new else old[key]) for key in old]
    return yamltext.mapping([*pairs, *((key, new[key]) for key in new if key not in old)])


def _sample(field: Field, path: Path_, seed: int) -> Node:
    return sample(field, _words_path(path), Random(seed))


def _words_path(path: Path_) -> str:
    """Return the path that the vocabulary knows: hooks and jobs have the words of services."""
    if path[:4] == ("services", "*", "pre_start", "[]") and len(path) > 4:
        path = ("services", "*", *path[4:])
    elif path[:2] == ("jobs", "*") and len(path) > 2:
        path = ("services", *path[1:])
    return ".".join(path)


def _samples(field: Field, path: Path_, count: int) -> list[Node]:
    """Return up to `count` different valid values."""
    found: dict[str, Node] = {}
    for seed in range(count * 3):
        node = _sample(field, path, seed)
        found.setdefault(yamltext.render([node]), node)
    return list(found.values())[:count]


def _pairs(field: Field, path: Path_, count: int) -> Iterator[tuple[Node, Node]]:
    """Yield pairs of values: valid ones with each other, and each odd one before and after one."""
    valid = _samples(field, path, count)
    yield from itertools.product(valid[:3], valid)
    for word in _WORDS_OVER:
        yield valid[0], yamltext.snippet(word)
        yield yamltext.snippet(word), valid[0]
    tagged = copy.deepcopy(valid[-1])
    tagged.tag = "!override"
    yield valid[0], tagged


def alone(path: Path_, field: Field, count: int) -> Iterator[Case]:
    """Yield the projects with one value of the field."""
    odd = (yamltext.snippet(word) for word in vocabulary.ODD)
    for value in itertools.chain(_samples(field, path, count), odd):
        yield _case({"compose.yaml": project(path, value)})


def override(path: Path_, field: Field, count: int) -> Iterator[Case]:
    """Yield the projects with a value of the field in each of two files."""
    for one, other in _pairs(field, path, count):
        files = {
            "compose.yaml": project(path, one),
            "more.yaml": project(path, other, complete=False),
        }
        yield _case(files, files=list(files))


def extends(path: Path_, field: Field, count: int) -> Iterator[Case]:
    """Yield the projects in which a service or job extends one of another file."""
    if len(path) < 3 or path[0] not in ("services", "jobs"):
        return
    name = _NAMES[path[:1]]
    text = f"{path[0]}: {{{name}: {{extends: {{service: a, file: sub/common.yaml}}}}}}"
    for one, other in _pairs(field, path, count):
        base = project(("services", *path[1:]) if _of_services(path) else path, one)
        main = _merged(yamltext.snippet(text), project(path, other, complete=False))
        yield _case(
            {"sub/common.yaml": base, "compose.yaml": _merged(yamltext.snippet(_DECLARED), main)}
        )


def _of_services(path: Path_) -> bool:
    """Return whether a service has the field too: a job extends a service of another file."""
    try:
        PROJECT.at("services", *path[1:])
    except KeyError:
        return False
    return True


def include(path: Path_, field: Field, count: int) -> Iterator[Case]:
    """Yield the projects with a value in an included file and one in the including file."""
    for one, other in _pairs(field, path, count):
        main = _merged(
            yamltext.snippet("include: [sub/inner.yaml]"), project(path, other, complete=False)
        )
        yield _case({"sub/inner.yaml": project(path, one), "compose.yaml": main})


def inherit(path: Path_, field: Field, count: int) -> Iterator[Case]:
    """Yield the projects with a value of a service and one in its hook."""
    if path[:4] != ("services", "*", "pre_start", "[]") or len(path) < 5:
        return
    for one, other in _pairs(field, path, count):
        if _of_services(("services", "*", *path[4:])):
            service = project(("services", "*", *path[4:]), one)
            yield _case({"compose.yaml": _merged(service, project(path, other))})


FORMS: dict[str, Callable[[Path_, Field, int], Iterator[Case]]] = {
    "alone": alone,
    "override": override,
    "extends": extends,
    "include": include,
    "inherit": inherit,
}


def _case(documents: dict[str, Node], **options: object) -> Case:
    files = {name: yamltext.render([node]).encode() for name, node in documents.items()}
    copies = {f"sub/{name}": content for name, content in _FILES.items()}
    return Case(
        name="enumerated/project",
        files=_FILES | copies | files,
        options={"env": vocabulary.ENVIRONMENT, **options},
    )


def main() -> int:
    """Compare the chosen forms of the chosen fields and print the differences."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.enumerate")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--only", default="*", help="glob for the paths of fields")
    parser.add_argument("--values", type=int, default=6, help="valid values a field (6)")
    parser.add_argument("--every", type=int, default=1, help="take every Nth project only (1: all)")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    chosen = [
        (path, field)
        for path, field in fields()
        if fnmatch.fnmatchcase(".".join(path), arguments.only)
    ]
    with Oracle() as oracle:
        hunt = Hunt(oracle, arguments.folder)
        for form in arguments.forms:
            for path, field in chosen:
                cases = FORMS[form](path, field, arguments.values)
                for case in itertools.islice(cases, None, None, arguments.every):
                    hunt.look(case)
            print(f"{form}: {len(chosen)} fields; so far {dict(hunt.seen)}", flush=True)
    for kind, count in hunt.found.most_common():
        print(f"{count:6}  {kind}")
    return 1 if hunt.found else 0


if __name__ == "__main__":
    sys.exit(main())
