"""Say what to write instead of functions and documents of other languages and other tools.

In: the name of a function or a document that does not exist. Out: the end of a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from policyd.policies.builtins import ALLOWED, SIGNATURES
from policyd.suggestion import did_you_mean

_INSTEAD: Final = {
    "all": "write `every x in xs { … }`",
    "any": "write `some x in xs`, then the condition",
    "append": "write array.concat(xs, [x])",
    "endsWith": "write endswith(text, end)",
    "filter": "write a comprehension: [x | some x in xs; …]",
    "format": 'write sprintf("%s", [x])',
    "has": 'write "key" in object.keys(x)',
    "includes": "write x in xs for collections, contains(text, part) for strings",
    "indexOf": "write indexof(text, part)",
    "int": "write to_number(x)",
    "isEmpty": "write count(xs) == 0",
    "is_empty": "write count(xs) == 0",
    "join": 'write concat(",", xs)',
    "keys": "write object.keys(x)",
    "len": "write count(xs)",
    "length": "write count(xs)",
    "map": "write a comprehension: [f(x) | some x in xs]",
    "match": "write regex.match(pattern, text)",
    "re_match": "write regex.match(pattern, text)",
    "set_diff": "write xs - ys",
    "size": "write count(xs)",
    "startsWith": "write startswith(text, start)",
    "str": 'write sprintf("%d", [x])',
    "strip": "write trim_space(text)",
    "toLower": "write lower(text)",
    "toUpper": "write upper(text)",
    "values": "write a comprehension: [x | some x in xs]",
}


_DOCUMENTS: Final = {
    "data.config": "parameters of a policy are in `c.parameters` of its constraints",
    "data.constraints": 'write `some c in input.constraints["ID"]`',
    "data.inventory": "the hosts are in data.policyd.inventory",
    "data.parameters": 'write `some c in input.constraints["ID"]`, then `c.parameters`',
}
"""What to read instead of documents that Gatekeeper and conftest have."""


def instead_of_document(path: str, known: Iterable[str]) -> str:
    """Return what to write instead of the document `path`, with `; `. `known` are those there."""
    for name, instead in _DOCUMENTS.items():
        if path == name or path.startswith(f"{name}."):
            return f"; {instead}"
    return did_you_mean(path, known)


def instead_of_call(path: Sequence[str], own: Iterable[str]) -> str:
    """Return what to write instead of a call of `path`, with `; `. `own` are names of functions."""
    name = ".".join(path)
    if len(path) == 1 and name in _INSTEAD:
        return f"; {_INSTEAD[name]}"
    last = path[-1]
    if len(path) > 1 and last in SIGNATURES:
        more = ", …" if len(SIGNATURES[last].arguments) > 1 else ""
        return f"; values have no methods: write {last}({'.'.join(path[:-1])}{more})"
    return did_you_mean(name, (*own, *ALLOWED))
