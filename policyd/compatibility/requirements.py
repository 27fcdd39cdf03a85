"""Evaluate the conditions in NVIDIA_REQUIRE_… variables, as the NVIDIA Container Toolkit does.

In: the environment of a container, and facts about the driver and one GPU. Out: the requirements,
and for each the condition that is not met. Two programs evaluate them: the library of the legacy
path, and the runtime in csv mode (Jetson). Sources: libnvidia-container src/cli/dsl.c and
configure.c; nvidia-container-toolkit internal/config/image/cuda_image.go, internal/requirements.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from policyd.lazy_pattern import lazy_pattern

PREFIX: Final = "NVIDIA_REQUIRE_"
CUDA: Final = "NVIDIA_REQUIRE_CUDA"
LEGACY: Final = "CUDA_VERSION"
DISABLE: Final = "NVIDIA_DISABLE_REQUIRE"

MAX_REQUIREMENT: Final = 20_000
"""Characters of a requirement that are evaluated; those of NVIDIA's images have about 4,000."""

DOUBTFUL: Final = "?"

Checker = Literal["library", "csv"]

_IGNORED: Final = "NVIDIA_REQUIRE_JETPACK"
_TRUE: Final = ("1", "t", "T", "true", "True", "TRUE")
"""What Go's strconv.ParseBool reads as true."""

_CONDITION: Final = lazy_pattern(r"([^<>=!]*)(<=|>=|!=|[<>=!])(.+)", re.DOTALL)
_VERSION: Final = lazy_pattern(r"[0-9]+(\.[0-9]+)*")
_SEMANTIC: Final = lazy_pattern(
    r"v?(0|[1-9][0-9]*)(?:\.(0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)(?:[-+][0-9A-Za-z.+-]+)?)?)?"
)
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "!": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Facts(msgspec.Struct, frozen=True):
    """The driver and one GPU. `brand` is in lower case.

    "" is a fact that the driver does not tell: every condition about it holds. DOUBTFUL is a fact
    about which no condition holds.
    """

    cuda: str
    driver: str
    brand: str = ""
    arch: str = ""


class Requirement(msgspec.Struct, frozen=True):
    """A requirement of a container: the variable that states it, and its text.

    `error` says why it cannot be read, in which case the container is refused.
    """

    variable: str
    text: str
    error: str = ""


class _InvalidError(ValueError):
    """A condition that the checker refuses."""


def is_true(value: str | None) -> bool:
    """Return whether the toolkit reads the value of a variable as true."""
    return value in _TRUE


def version_key(version: str) -> tuple[tuple[int, str], ...]:
    """Return a key that orders dotted numbers, of any length; `13.0` equals `13`."""
    parts = [part.lstrip("0") for part in version.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return tuple((len(part), part) for part in parts)


def requirements_of(environment: Mapping[str, str | None]) -> tuple[Requirement, ...]:
    """Return what a container with `environment` requires, in order of the variables.

    An image with CUDA_VERSION and without NVIDIA_REQUIRE_CUDA is a legacy image: it requires the
    version that it names.
    """
    if is_true(environment.get(DISABLE)):
        return ()
    found = [
        Requirement(name, value)
        for name, value in sorted(environment.items())
        if value and name.startswith(PREFIX) and not name.startswith(_IGNORED)
    ]
    legacy = environment.get(LEGACY)
    if legacy and not environment.get(CUDA):
        match = _SEMANTIC.fullmatch(legacy)
        found.insert(
            0,
            Requirement(LEGACY, f"cuda>={match[1]}.{match[2] or 0}")
            if match
            else Requirement(LEGACY, "", "invalid version of CUDA"),
        )
    return tuple(found)


def unmet(requirement: Requirement, facts: Facts, checker: Checker = "library") -> str:
    """Return why `requirement` is not met, as the toolkit words it; "" if it is met."""
    if requirement.error:
        return requirement.error
    if len(requirement.text) > MAX_REQUIREMENT:
        return "the requirement is too long to be evaluated"
    try:
        if checker == "csv":
            is_met = _csv_met(requirement.text, facts)
        else:
            is_met = _library_met(requirement.text, facts)
    except _InvalidError as error:
        return f"invalid expression: {error}"
    return "" if is_met else f"unsatisfied condition: {first_alternative(requirement.text)}"


def first_alternative(text: str) -> str:
    """Return the first alternative of a requirement, which the error of the toolkit names."""
    return next((word for word in text.split(" ") if word.strip(",")), text)


def allows(text: str, facts: Facts) -> bool:
    """Return whether a requirement holds by an alternative that names a branch of the driver.

    Such alternatives list the drivers on which the image's own user-mode driver may run (forward
    compatibility).
    """
    for alternative in text.split(" "):
        if "driver" in alternative.lower():
            try:
                if _library_met(alternative, facts):
                    return True
            except _InvalidError:
                return False
    return False


def _library_met(text: str, facts: Facts) -> bool:
    """Read alternatives up to the first that holds; what follows it is not read."""
    is_met = True
    for alternative in filter(None, text.split(" ")):
        conditions = [condition for condition in alternative.split(",") if condition]
        if not conditions:
            return is_met
        is_met = all(_holds(*_parsed(condition), facts) for condition in conditions)
        if is_met:
            return True
    return is_met


def _parsed(condition: str) -> tuple[str, str, str]:
    match = _CONDITION.fullmatch(condition)
    if not match:
        raise _InvalidError(_shown(condition))
    name, sign, value = match.groups()
    return name.lower(), sign, value


def _holds(name: str, sign: str, value: str, facts: Facts) -> bool:
    if name == "brand":
        if sign not in ("=", "!=", "!"):
            raise _InvalidError(_shown(f"{name}{sign}{value}"))
        return _compared(facts.brand, sign, value.lower(), str)
    if name not in ("cuda", "driver", "arch") or not _VERSION.fullmatch(value):
        raise _InvalidError(_shown(f"{name}{sign}{value}"))
    fact = {"cuda": facts.cuda, "driver": facts.driver, "arch": facts.arch}[name]
    return _compared(fact, sign, value, version_key)


def _compared(fact: str, sign: str, value: str, key: Callable[[str], Any]) -> bool:
    if fact in ("", DOUBTFUL):
        return fact != DOUBTFUL
    return _COMPARE[sign](key(fact), key(value))


def _csv_met(text: str, facts: Facts) -> bool:
    """Read the whole text first. Only `cuda` and `arch` are known; unknown names are dropped."""
    alternatives = [list(_csv_conditions(word)) for word in filter(None, text.split(" "))]
    remaining = [conditions for conditions in alternatives if conditions]
    return not remaining or any(
        all(_csv_holds(name, sign, value, facts) for name, sign, value in conditions)
        for conditions in remaining
    )


def _csv_conditions(alternative: str) -> Iterator[tuple[str, str, str]]:
    for condition in filter(None, alternative.split(",")):
        match = _CONDITION.fullmatch(condition)
        if not match:
            raise _InvalidError(_shown(condition))
        name, sign, value = match.groups()
        if name not in ("cuda", "driver", "arch", "brand"):
            continue
        if name != "brand" and not _VERSION.fullmatch(value):
            raise _InvalidError(_shown(condition))
        yield name, sign, value


def _csv_holds(name: str, sign: str, value: str, facts: Facts) -> bool:
    if name in ("brand", "driver"):
        return sign in ("!=", "!") or (name == "driver" and sign in ("<", "<="))
    fact = facts.cuda if name == "cuda" else facts.arch
    return _compared(fact, sign, value, version_key)


def _shown(condition: str) -> str:
    """Return a condition for messages: a value of a variable may be anything."""
    return condition if re.fullmatch(r"[!-~]{1,80}", condition) else "a condition"
