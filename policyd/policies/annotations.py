"""Read the METADATA comments of Rego modules, as OPA defines them.

In: the text of a module. Out: comments, each with its line and its target, and the values of their
annotations. Unlike OPA, which ignores unknown keys, every mistake is an error with file, line and
column. Source: OPA 1.22, "Annotations" in the documentation, and v1/ast/parser.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from policyd.errors import PolicySetError
from policyd.lazy_pattern import lazy_pattern
from policyd.model import Location
from policyd.policies.problems import Problems
from policyd.policies.yaml_documents import Value, documents, key_hint, required

KEYS: Final = (
    "title",
    "description",
    "scope",
    "authors",
    "organizations",
    "related_resources",
    "schemas",
    "entrypoint",
    "labels",
    "compile",
    "custom",
)
"""The keys of an annotation."""

SCHEMAS: Final = ("schema", "schema.input")
"""The names of the schema of `input`: `policyd policies lint --opa` provides it."""

INSTEAD: Final = {
    "author": "authors",
    "owner": "authors",
    "owners": "authors",
    "maintainers": "authors",
    "team": "organizations",
    "teams": "organizations",
    "organisations": "organizations",
    "references": "related_resources, or references below custom",
    "id": "id below custom",
    "severity": "severity below custom",
    "remediation": "remediation below custom",
    "parameters": "parameters below custom",
    "environment": "environment below custom",
}
"""What to write instead of keys that OPA does not have."""

_SCOPES: Final = {"package": ("package", "subpackages"), "rule": ("rule", "document")}
_WITH_ENTRYPOINT: Final = ("package", "document")
_COMMENT: Final = lazy_pattern(r"^#[ \t]*METADATA(.*)\n((?:#.*\n)*)", re.MULTILINE)
_CODE: Final = lazy_pattern(r"^[ \t]*([^\s#].*)$", re.MULTILINE)
_AUTHOR: Final = lazy_pattern(r"(.*?)\s*<(\S*)>")
_ROOTS: Final = ("input", "data")


class Author(msgspec.Struct, frozen=True):
    """An author of a policy. One of the two texts may be empty."""

    name: str
    email: str = ""

    def __str__(self) -> str:
        email = f"<{self.email}>" if self.email else ""
        return " ".join(filter(None, (self.name, email)))


class Annotations(msgspec.Struct, frozen=True):
    """The annotations of a package or a rule. `keys` has the value of each of them.

    `authors` are texts such as `Ada <ada@acme.example>`, or mappings; `organizations` are
    companies, departments or teams; `related_resources` are URLs, or mappings of `ref` and
    `description`.
    """

    keys: dict[str, Value]
    authors: tuple[Author, ...]
    organizations: tuple[str, ...]
    related_resources: tuple[str, ...]


class Comment(msgspec.Struct, frozen=True):
    """A METADATA comment: its first line, the line of code below it, and its content as YAML.

    `rest` is the text after METADATA on the first line, which should be empty. `next_comment` is
    the line of the next comment above the code, which a blank line separates, or 0.
    """

    module: str
    line: int
    code: str
    rest: str
    lines: str
    next_comment: int = 0

    @property
    def is_of_package(self) -> bool:
        """Whether the comment is above the package."""
        return self.code.startswith("package ")

    def content(self) -> Value:
        """Return the annotations. Raises PolicySetError if they are not a YAML document."""
        where = Location(self.module, self.line, 1)
        if self.rest.strip():
            raise PolicySetError("write `# METADATA` on a line of its own", where)
        found = documents(self.lines, self.module, (self.line, 2), "the METADATA comment")
        if len(found) != 1:
            raise PolicySetError("the METADATA comment is empty", where)
        return found[0]


def comments(module: str, text: str) -> Iterator[Comment]:
    """Yield the METADATA comments of the module named `module`."""
    for found in _COMMENT.finditer(text):
        below = _CODE.search(text, found.end())
        after = text.find("\n#", found.end() - 1, below.start() if below else len(text))
        yield Comment(
            module=module,
            line=text.count("\n", 0, found.start()) + 1,
            code=below[1] if below else "",
            rest=found[1],
            lines="\n".join(
                line.removeprefix("#").removeprefix(" ") for line in found[2].splitlines()
            ),
            next_comment=text.count("\n", 0, after) + 2 if after >= 0 else 0,
        )


def comment_problems(module: str, text: str, *, of_policy: bool) -> Iterator[PolicySetError]:
    """Yield the errors in the METADATA comments of a module.

    With `of_policy`, the last one above the package is that of a policy, and is left out.
    """
    found = list(comments(module, text))
    of_package = [comment for comment in found if comment.is_of_package]
    for comment in of_package[:-1]:
        yield PolicySetError(
            "the package has another METADATA comment; keep one",
            Location(module, comment.line, 1),
        )
    for comment in found:
        if not comment.is_of_package:
            yield from _problems(comment, "rule")
        elif not of_policy:
            yield from _problems(comment, "package")


def read_annotations(block: Value, target: str, problems: Problems) -> Annotations:
    """Return annotations. Errors are added to `problems`. `target` is "package" or "rule"."""
    keys = block.known(None, problems)
    for key in [key for key in keys if key not in KEYS]:
        problems.append(_unknown(block, key))
        del keys[key]
    found = Annotations(
        keys=keys,
        authors=problems.attempt(lambda: tuple(map(_author, _items(keys, "authors"))), ()),
        organizations=problems.attempt(lambda: _organizations(keys), ()),
        related_resources=problems.attempt(
            lambda: tuple(map(_related_resource, _items(keys, "related_resources"))), ()
        ),
    )
    for check in (_texts, _schemas, _open):
        with problems.collecting():
            check(keys)
    with problems.collecting():
        _check_target(keys, target)
    return found


def _problems(comment: Comment, target: str) -> Problems:
    problems = Problems()
    with problems.collecting():
        if not comment.code or comment.code.startswith("import "):
            raise PolicySetError(
                "a METADATA comment must be above the package or a rule",
                Location(comment.module, comment.line, 1),
            )
        read_annotations(comment.content(), target, problems)
    return problems


def _unknown(block: Value, key: str) -> PolicySetError:
    hint = f"; write {INSTEAD[key]}" if key in INSTEAD else key_hint(key, KEYS)
    return PolicySetError(f"{block.what} has the unknown key {key!r}{hint}", block.key_place(key))


def _organizations(keys: Mapping[str, Value]) -> tuple[str, ...]:
    return keys["organizations"].texts() if "organizations" in keys else ()


def _items(keys: Mapping[str, Value], key: str) -> list[Value]:
    return keys[key].items() if key in keys else []


def _texts(keys: Mapping[str, Value]) -> None:
    for key in ("title", "description"):
        if key in keys:
            keys[key].text()


def _check_target(keys: Mapping[str, Value], target: str) -> None:
    every = [scope for scopes in _SCOPES.values() for scope in scopes]
    scope = keys["scope"].one_of(every) if "scope" in keys else target
    if scope not in _SCOPES[target]:
        raise keys["scope"].error(
            f"is {scope!r}, but the comment is above a {target}: write "
            f"{' or '.join(_SCOPES[target])}"
        )
    entrypoint = keys.get("entrypoint")
    if entrypoint is None:
        return
    if entrypoint.kind() != "a boolean":
        raise entrypoint.error(f"must be a boolean, not {entrypoint.kind()}")
    if entrypoint.plain() and scope not in _WITH_ENTRYPOINT:
        raise entrypoint.error(
            f"needs the scope {' or '.join(_WITH_ENTRYPOINT)}, but the scope is {scope}"
        )


def _author(value: Value) -> Author:
    if value.kind() != "a mapping":
        text = " ".join(value.text().split())
        found = _AUTHOR.fullmatch(text)
        author = Author(found[1], found[2]) if found else Author(text)
    else:
        keys = value.mapping(("name", "email"))
        name, email = (keys[key].text() if key in keys else "" for key in ("name", "email"))
        author = Author(name, email)
    if not (author.name or author.email):
        raise value.error("must have a name or an email: write `Ada <ada@acme.example>`")
    return author


def _related_resource(value: Value) -> str:
    if value.kind() != "a mapping":
        return value.text()
    keys = value.mapping(("ref", "description"))
    ref = required(keys, "ref", value).text()
    return f"{keys['description'].text()}: {ref}" if "description" in keys else ref


def _schemas(keys: Mapping[str, Value]) -> None:
    for value in _items(keys, "schemas"):
        pairs = value.mapping()
        if len(pairs) != 1:
            raise value.error("must have one key, such as `input: schema.input`")
        [(path, schema)] = pairs.items()
        if path.partition(".")[0].partition("[")[0] not in _ROOTS:
            raise schema.error(f"has the path {path!r}: a path begins with {' or '.join(_ROOTS)}")
        if schema.kind() == "a mapping":
            schema.plain()
        elif schema.text() not in SCHEMAS:
            raise schema.error(
                f"is {schema.text()!r}: write {SCHEMAS[1]}, the schema of `input`, or a JSON "
                "Schema as a mapping"
            )


def _open(keys: Mapping[str, Value]) -> None:
    """Check the annotations whose content is for other programs."""
    for key in ("labels", "compile", "custom"):
        if key in keys:
            keys[key].mapping()
            keys[key].plain()
