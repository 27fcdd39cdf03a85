"""The built-in functions of Rego that policies may call, and why others are not allowed.

A function is allowed when it is pure and returned equal results in OPA 1.22 and regorus 0.13.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec


class Signature(msgspec.Struct, frozen=True):
    """The kinds of values that the arguments of a function may have, and those of its result."""

    arguments: tuple[frozenset[str], ...]
    result: str


_ANY: Final = "null|boolean|number|string|array|object|set"
_SIGNATURES: Final = """
abs number -> number
array.concat array array -> array
array.reverse array -> array
array.slice array number number -> array
ceil number -> number
concat string array|set -> string
contains string string -> boolean
count array|object|set|string -> number
endswith string string -> boolean
floor number -> number
format_int number number -> string
glob.match string array|null string -> boolean
indexof string string -> number
intersection set -> set
is_array any -> boolean
is_boolean any -> boolean
is_null any -> boolean
is_number any -> boolean
is_object any -> boolean
is_set any -> boolean
is_string any -> boolean
lower string -> string
max array|set -> any
min array|set -> any
numbers.range number number -> array
object.filter object array|object|set -> object
object.get object any any -> any
object.keys object -> set
object.remove object array|object|set -> object
object.subset object|set object|set -> boolean
object.union object object -> object
object.union_n array -> object
product array|set -> number
regex.find_all_string_submatch_n string string number -> array
regex.find_n string string number -> array
regex.is_valid string -> boolean
regex.match string string -> boolean
regex.replace string string string -> string
regex.split string string -> array
replace string string string -> string
round number -> number
semver.compare string string -> number
semver.is_valid any -> boolean
sort array|set -> array
split string string -> array
sprintf string array -> string
startswith string string -> boolean
strings.any_prefix_match array|set|string array|set|string -> boolean
strings.any_suffix_match array|set|string array|set|string -> boolean
strings.reverse string -> string
substring string number number -> string
sum array|set -> number
time.parse_duration_ns string -> number
time.parse_rfc3339_ns string -> number
to_number boolean|null|number|string -> number
trim string string -> string
trim_left string string -> string
trim_prefix string string -> string
trim_right string string -> string
trim_space string -> string
trim_suffix string string -> string
type_name any -> string
union set -> set
units.parse string -> number
units.parse_bytes string -> number
upper string -> string
"""


def _signatures() -> Iterator[tuple[str, Signature]]:
    for line in _SIGNATURES.strip().splitlines():
        call, _, result = line.partition(" -> ")
        name, *arguments = call.split()
        kinds = (frozenset(_ANY.split("|") if a == "any" else a.split("|")) for a in arguments)
        yield name, Signature(tuple(kinds), result)


SIGNATURES: Final = dict(_signatures())
"""The functions that policies may call, as OPA 1.22 declares them."""

ALLOWED: Final = frozenset(SIGNATURES)

_IMPURE: Final = "its result does not depend on the input alone"
_ABSENT: Final = "one of the engines does not support it"

REFUSED: Final = {
    "time.now_ns": "a replay would use another time; use input.review.now",
    "time.": "the engines differ, or it reads the clock; use input.review.now",
    "rego.": "regorus does not support it; policyd itself reads METADATA",
    "crypto.": _ABSENT,
    "http.": _IMPURE,
    "net.": _IMPURE,
    "opa.": _IMPURE,
    "rand.": _IMPURE,
    "uuid.": _IMPURE,
    "io.": _ABSENT,
    "providers.": _IMPURE,
    "strings.count": "one engine counts overlapping matches; write count(split(s, x)) - 1",
    "strings.replace_n": "the engines replace in different orders; write replace for each text",
    "strings.": _ABSENT,
    "graph.": _ABSENT,
    "json.": "the engines format numbers differently",
    "yaml.": "the engines format numbers differently",
    "print": "it is only allowed in tests",
    "trace": "it is only allowed in tests",
    "any": "OPA deprecated it; write `true in x`, or `some x in xs` with a condition",
    "all": "OPA deprecated it; write `every x in xs { … }`",
    "walk": "it would visit a hostile document as a whole; refer to the path instead",
}
"""The reason why a function is not allowed, by its name or by its prefix up to the first dot."""

PRINT_REFUSED: Final = "print is not allowed"
"""How the message about a call of print begins."""
