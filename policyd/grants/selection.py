"""Read a list of devices as the runtime of its vendor reads it.

In: the value of a selecting variable, or the ids of a request. Out: "all", or the ids in order and
with repetitions; no id means that nothing is selected.

Sources: nvidia-container-toolkit internal/config/image (devicesFromEnvvars, NewVisibleDevices) and
libnvidia-container src/cli/common.c (select_devices); ROCm container-toolkit internal/gpu-tracker
(parseGPUsList); habana-container-runtime hook (container_config.go); Ascend docker runtime
(parseDevices).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

from policyd.compose.text.scalars import SPACES
from policyd.grants import cdi
from policyd.lazy_pattern import lazy_pattern

Selection = Literal["all"] | tuple[str, ...]
Rule = Callable[[str, bool], Selection]
"""A rule takes the text, and whether the workload names a runtime that reads it."""

HIGHEST: Final = 128
"""The highest index of a device that a range is expanded to."""

_DIGITS = lazy_pattern(r"[0-9]+")
_NUMBER = lazy_pattern(r"\+?([0-9]+)")
_RANGE = lazy_pattern(r"([0-9]+)-([0-9]+)")
_SPACED_RANGE = lazy_pattern(rf"([0-9]+)[{SPACES}]*-[{SPACES}]*([0-9]+)")
_UNIQUE_ID = lazy_pattern(r"[0-9A-Fa-f]{9,}")
_ASCEND_NAME = lazy_pattern(r"Ascend[A-Za-z0-9]*-([0-9]+)")


def elements(text: str) -> list[str]:
    """Return the elements of a comma-separated list without spaces around them, and not empty."""
    trimmed = (part.strip(SPACES) for part in text.split(","))
    return [part for part in trimmed if part]


def by_nvidia_rule(text: str, _steers_runtime: bool = False) -> Selection:
    """Return what the NVIDIA Container Toolkit selects for `text`.

    The toolkit compares `all`, `none` and `void` exactly; libnvidia-container, which receives
    every other word, compares `all` without regard to case.
    """
    ids = elements(text)
    if "void" in ids:
        return ()
    for word in ids:
        if word == "none":
            return ()
        if word == "all" or cdi.is_every_device(word):
            return "all"
    if any(word.lower() == "all" for word in ids):
        return "all"
    return tuple(ids)


def by_amd_rule(text: str, _steers_runtime: bool = False) -> Selection:
    """Return what AMD's runtime selects for `text`; it ignores elements that it cannot read."""
    if text.strip(SPACES) in ("all", "All", "ALL"):
        return "all"
    return tuple(index for word in elements(text) for index in _amd_element(word))


def amd_request(text: str) -> Selection:
    """Return what a device request of vendor AMD selects; its ids may be CDI names."""
    found = elements(text)
    if any(word == "all" or cdi.is_every_device(word) for word in found):
        return "all"
    chosen = by_amd_rule(text)
    if chosen == "all":
        return "all"
    return tuple(
        index for word in found for index in ((word,) if cdi.is_name(word) else _amd_element(word))
    )


def by_habana_rule(text: str, steers_runtime: bool = False) -> Selection:
    """Return what Habana's runtime selects for `text`.

    Its legacy hook takes an empty value and `void` for every card. Without a runtime of Habana
    these values select nothing that a container without the variable would not get too.
    """
    value = text.strip(SPACES)
    if value in ("", "void"):
        return "all" if steers_runtime else ()
    if value == "none":
        return ()
    found = elements(value)
    if "all" in found:
        return "all"
    return tuple(word for word in found if _DIGITS.fullmatch(word))


def by_ascend_rule(text: str, _steers_runtime: bool = False) -> Selection:
    """Return what the Ascend runtime selects for `text`.

    It refuses to start a container for an element that it cannot read: then nothing is selected.
    """
    if text.strip(SPACES) in ("", "void"):
        return ()
    found = [part.strip(SPACES) for part in text.split(",")]
    chosen: list[str] = []
    for word in found:
        indexes = ("all",) if word == "all" else _ascend_element(word)
        if not indexes:
            return ()
        chosen += indexes
    return "all" if "all" in chosen else tuple(chosen)


RULES: Final[Mapping[str, Rule]] = {
    "nvidia": by_nvidia_rule,
    "amd": by_amd_rule,
    "habana": by_habana_rule,
    "ascend": by_ascend_rule,
}
"""The rules that a family of runtimes may name in the tables."""


def without_zeros(digits: str) -> str:
    """Return a decimal number without leading zeros."""
    return digits.lstrip("0") or "0"


def _amd_element(word: str) -> tuple[str, ...]:
    if word.startswith(("0x", "0X")) and len(word) > len("0x"):
        return (word.lower(),)
    if _UNIQUE_ID.fullmatch(word):
        return (f"0x{word.lower()}",)
    if found := _RANGE.fullmatch(word):
        return _indexes(found[1], found[2])
    found = _NUMBER.fullmatch(word)
    return (without_zeros(found[1]),) if found else ()


def _ascend_element(word: str) -> tuple[str, ...]:
    if found := _SPACED_RANGE.fullmatch(word):
        return _indexes(found[1], found[2]) if _small(found[2]) <= HIGHEST else ()
    found = _ASCEND_NAME.fullmatch(word) or _DIGITS.fullmatch(word)
    return (without_zeros(found[found.lastindex or 0]),) if found else ()


def _indexes(first: str, last: str) -> tuple[str, ...]:
    """Return each index from `first` to `last`, at most HIGHEST; none if the range is reversed."""
    return tuple(map(str, range(_small(first), min(_small(last), HIGHEST) + 1)))


def _small(digits: str) -> int:
    """Return a number; any number that is too long to be an index is HIGHEST + 1."""
    number = without_zeros(digits)
    return int(number) if len(number) <= len(str(HIGHEST)) else HIGHEST + 1
