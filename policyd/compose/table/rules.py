"""The words that rows of the table of fields may use.

Every phase that implements rules checks that it implements exactly those of its kind
(`implementing`), and the table checks each row (`check_row`). So a typo in the table, or a rule
without an implementation, fails when policyd starts and not in a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

Rule = TypeVar("Rule")

KINDS: Final = ("unique", "long", "default", "path")
"""The kinds of rules that `rewrite` applies."""

TYPES: Final = frozenset(("str", "int", "num", "bool", "null", "map", "list", "any"))
"""The types of values that the schema may accept."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NAMES: Final[Mapping[str, frozenset[str]]] = {
    kind: _words(names)
    for kind, names in {
        "cast": "bool float float32 int umask",
        "merge": "build depends_on keys logging pairs replace sequence subnets ulimit",
        "unique": "config device key path port secret value volume",
        "long": "build depends_on device dns env_file extends external gpus include keys limit "
        "list pairs ports schedule source ssh text volume",
        "default": "bind context count port secret",
        "path": "context driver_opts extends file path symlink volume",
    }.items()
}
"""The names of the rules, by kind."""

MODELS: Final = _words(
    "any bool bool! bool? bytes bytes! command command! count cpus duration duration? float hosts? "
    "int int! int? labels limits list lists map mapping mode? numbers opt-out opt-out! options ssh "
    "str str! strings strings-by-key struct struct! struct? test texts uint16 uint16! uint32 "
    "uint32? uint64 uint64? variables"
)
"""The types of the loaded model. `fields.py` explains the suffixes."""


def implementing(kind: str, rules: Mapping[str, Rule]) -> Mapping[str, Rule]:
    """Return `rules`, the implementations of all rules of `kind` ("model" for the models).

    Raises ValueError unless they are exactly those that the table may name.
    """
    names = MODELS if kind == "model" else NAMES[kind]
    if rules.keys() != names:
        odd = ", ".join(sorted(names ^ rules.keys()))
        raise ValueError(f"the {kind} rules of the table and their implementations differ: {odd}")
    return rules


def require(word: str, known: Iterable[str], what: str) -> None:
    """Raise ValueError unless `word` is among `known`."""
    if word not in known:
        raise ValueError(f"unknown {what} {word!r}")
