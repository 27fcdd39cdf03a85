"""Find globs that can never match, and selectors that select too much or can be evaded.

In: the YAML of selectors. Out: errors and warnings, each with file, line and column. A glob is
compared with the grammar of its field: what a review accepts as a repository, an environment or a
host (`policyd.web.review_request`), the names of projects and services of the Compose
specification, and the paths of the effective model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, get_args

from policyd.compose.table.fields import PROJECT
from policyd.errors import PolicySetError, PolicySetWarning
from policyd.lazy_pattern import lazy_pattern
from policyd.model import EnforcementPoint, Operation
from policyd.policies.matching import IDENTIFYING_KEYS, matches
from policyd.policies.yaml_documents import Value
from policyd.suggestion import did_you_mean

CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "operations": get_args(Operation),
    "enforcementPoints": get_args(EnforcementPoint),
}
"""The values of the fields that have a fixed set of them."""

MAX_NAME: Final = 1024
"""Characters of a name in a review; longer ones are refused."""

_ANY: Final = lazy_pattern(r"[*/]+")
_OTHER_GLOBS: Final = lazy_pattern(r"[?\[\]{}]")
_OTHER_PATTERNS: Final = lazy_pattern(r"[?\[\]{}()|^$\\]|^!")
"""What is special in other globs and in regular expressions: no repository and no host has it."""
_SERVICE: Final = lazy_pattern(r"[a-zA-Z0-9._*-]+")
_PROJECT: Final = lazy_pattern(r"[a-z0-9*][a-z0-9_*-]*")
_TOP: Final = tuple(PROJECT.children)
"""The top-level keys of a Compose file, with which every path of a violation begins."""


def never_matching(field: str, glob: str) -> str:
    """Return why `glob` can never match a value of the selector field `field`, or ""."""
    if not glob.isprintable():
        return "names have no unprintable characters"
    if len(glob.replace("*", "")) > MAX_NAME:
        return f"names have at most {MAX_NAME:,} characters"
    return _GRAMMARS[field](glob) if field in _GRAMMARS else ""


def glob_problems(field: str, globs: Value) -> Iterator[PolicySetError]:
    """Yield the errors in `globs`, the list of strings of the selector field `field`."""
    for value in globs.items():
        is_choice = field in CHOICES and "*" not in value.text()
        if not is_choice and (reason := never_matching(field, value.text())):
            yield value.error(f"is {value.text()!r}, which never matches: {reason}")


def identity_problem(selector: Value) -> PolicySetError | None:
    """Return an error when `selector` does not restrict what the project author cannot choose."""
    keys = selector.mapping()
    identifying = {key: keys[key].items() for key in IDENTIFYING_KEYS if key in keys}
    if not identifying:
        return selector.error(
            f"must have at least one of the keys {', '.join(IDENTIFYING_KEYS)}: the author of a "
            "project chooses the names of the project and of its services"
        )
    matching_all = {
        key: next((value for value in globs if _matches_all(key, value.text())), None)
        for key, globs in identifying.items()
    }
    if not all(matching_all.values()):
        return None
    key, value = next((key, value) for key, value in matching_all.items() if value)
    return value.error(
        f"is {value.text()!r}, which identifies nobody: name the {_NAMED[key]}, or match another "
        f"of the keys {', '.join(IDENTIFYING_KEYS)}"
    )


def unknown_path(path: Sequence[str]) -> str:
    """Return which key in `path`, of globs, the effective model does not have, or ""."""
    field = PROJECT
    for segment in path:
        children = field.children
        below = field.each or field.item
        if segment in children:
            field = children[segment]
        elif below and "**" not in segment and not ("*" in segment and children):
            field = below
        elif "*" in segment or not children or segment.startswith("x-"):
            return ""
        else:
            near = did_you_mean(segment, children)
            return f"the effective model has no key {segment} there{near}"
    return ""


def escape_warnings(constraint: Value) -> Iterator[PolicySetWarning]:
    """Yield the warnings about the selectors of `constraint`, the spec of a valid constraint."""
    keys = constraint.mapping()
    match = keys["match"].mapping() if "match" in keys else {}
    if _denies(keys["enforcementAction"]):
        for key, what in (("services", "the service"), ("projects", "the project")):
            if key in match and not any(_matches_all(key, glob) for glob in match[key].texts()):
                yield _warning(
                    match[key],
                    f"can be evaded: the author of a project can rename {what}; match "
                    f"{_listed(IDENTIFYING_KEYS)} instead",
                )
    exclude = keys["exclude"].mapping() if "exclude" in keys else {}
    if exclude and all(_covers(field, globs, match.get(field)) for field, globs in exclude.items()):
        yield _warning(
            keys["exclude"],
            f"excludes every review whose {' and '.join(exclude)} are known, so the constraint "
            "applies only where they are not known",
        )
    for clause in ("match", "exclude"):
        for field, globs in (keys[clause].mapping() if clause in keys else {}).items():
            yield from _odd_globs(field, globs)


def _covers(field: str, excluded: Value, matched: Value | None) -> bool:
    """Return whether the globs `excluded` match about everything that the globs `matched` do."""
    globs = excluded.texts()
    if any(_matches_all(field, glob) for glob in globs):
        return True
    texts = matched.texts() if matched else ()
    return bool(texts) and all(any(matches(glob, text) for glob in globs) for text in texts)


def selector_warnings(selector: Value) -> Iterator[PolicySetWarning]:
    """Yield the warnings about the globs of `selector`, that of a valid exception."""
    for field, globs in selector.mapping().items():
        yield from _odd_globs(field, globs)


def _odd_globs(field: str, globs: Value) -> Iterator[PolicySetWarning]:
    for value in globs.items():
        text = value.text()
        if found := _OTHER_GLOBS.search(text):
            yield _warning(
                value,
                f"is {text!r}: {found[0]} is not special in globs and stands for itself; only * "
                "and ** are",
            )
        if field == "paths" and (reason := unknown_path(text.split("/"))):
            yield _warning(value, f"is {text!r}: {reason}")


def _warning(value: Value, message: str) -> PolicySetWarning:
    return PolicySetWarning(f"{value.what} {message}", value.where)


def _denies(action: Value) -> bool:
    if action.kind() != "a mapping":
        return action.text() == "deny"
    return any(below.text() == "deny" for below in action.mapping().values())


def _matches_all(field: str, glob: str) -> bool:
    """Return whether `glob` matches about every value of `field`: it has only stars and slashes."""
    if field in CHOICES:
        return all(matches(glob, choice) for choice in CHOICES[field])
    return bool(_ANY.fullmatch(glob))


def _name(glob: str) -> str:
    """Return why no repository, environment or host matches `glob`."""
    for segment in glob.split("/"):
        if not segment:
            return "it has an empty part; write it without // and without / at its ends"
        if segment in (".", ".."):
            return f"no part of a name is {segment!r}"
        if segment.strip() != segment:
            return "no part of a name begins or ends with a blank"
    return ""


def _forge_name(glob: str) -> str:
    """Return why no repository or host matches `glob`."""
    if found := _OTHER_PATTERNS.search(glob):
        return f"{found[0]} is not special in globs; write a list of names, and only * and **"
    return _name(glob)


def _text(glob: str) -> str:
    """Return why no user and no group matches `glob`."""
    return "" if glob.strip() else "names are not blank"


def _service(glob: str) -> str:
    if _SERVICE.fullmatch(glob):
        return ""
    return "names of services have only letters, digits, '.', '_' and '-'"


def _project(glob: str) -> str:
    if _PROJECT.fullmatch(glob):
        return ""
    return (
        "names of projects have only lower-case letters, digits, '_' and '-', and begin with a "
        "letter or a digit"
    )


def _choice(choices: tuple[str, ...]) -> Callable[[str], str]:
    def reason(glob: str) -> str:
        if any(matches(glob, choice) for choice in choices):
            return ""
        return f"the values are {', '.join(choices)}"

    return reason


def _path(glob: str) -> str:
    """Return why no path of a violation matches `glob`."""
    first, *rest = glob.split("/")
    if "*" not in first and not first.startswith("x-") and first not in _TOP:
        dotted = first.split(".")[0] in _TOP
        hint = f"; write {glob.replace('.', '/')}" if dotted else did_you_mean(first, _TOP)
        return f"paths begin with a top-level key of the Compose file, such as services/{hint}"
    if "" in rest:
        return "it has an empty part; write it without // and without / at its ends"
    if first == "services" and rest and not _SERVICE.fullmatch(rest[0]):
        return _service(rest[0])
    return ""


def _listed(keys: tuple[str, ...]) -> str:
    return f"{', '.join(keys[:-1])} or {keys[-1]}"


_NAMED: Final = {
    "repositories": "repositories, such as ml/train or ml/**",
    "environments": "environments, such as prod",
    "hosts": "hosts, such as gpu-01 or gpu-*",
    "users": "users",
    "groups": "groups",
    "enforcementPoints": "enforcement points, such as ci",
}

_GRAMMARS: Final[Mapping[str, Callable[[str], str]]] = {
    "repositories": _forge_name,
    "environments": _name,
    "hosts": _forge_name,
    "users": _text,
    "groups": _text,
    "services": _service,
    "projects": _project,
    "paths": _path,
    **{field: _choice(choices) for field, choices in CHOICES.items()},
}
