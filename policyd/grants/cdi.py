"""Names of the Container Device Interface: vendor/class=device.

Source: the CDI specification, "Kind" and device names (pkg/parser ParseQualifiedName).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from policyd.compose.text.scalars import SPACES
from policyd.lazy_pattern import lazy_pattern

_NAME = lazy_pattern(
    r"(?P<vendor>[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)"
    r"/(?P<kind>[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)"
    r"=(?P<device>[A-Za-z0-9](?:[A-Za-z0-9_.:-]*[A-Za-z0-9])?)"
)


def is_name(text: str) -> bool:
    """Return whether `text` is a qualified name of a CDI device."""
    return _NAME.fullmatch(text) is not None


def is_every_device(text: str) -> bool:
    """Return whether `text` is the CDI name of all devices of a class."""
    return text.endswith("=all") and is_name(text)


def names(texts: Iterable[str]) -> list[str]:
    """Return those of `texts`, without spaces around them, that are CDI names, in order."""
    trimmed = (text.strip(SPACES) for text in texts)
    return [text for text in trimmed if is_name(text)]


def device(name: str) -> str:
    """Return the device part of a CDI name."""
    return name.partition("=")[2]


def kind(name: str) -> str:
    """Return vendor and class of a CDI name: nvidia.com/gpu."""
    return name.partition("=")[0]


def vendor(name: str, domains: Mapping[str, str]) -> str:
    """Return the vendor of the longest of `domains` that the name's domain is or lies below.

    "unknown" if there is none.
    """
    labels = name.partition("/")[0].split(".")
    for start in range(len(labels)):
        owner = domains.get(".".join(labels[start:]))
        if owner is not None:
            return owner
    return "unknown"


def by_vendor(
    found: Iterable[str], domains: Mapping[str, str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each vendor among the CDI names `found` with its names, in order."""
    grouped: dict[str, list[str]] = {}
    for name in found:
        grouped.setdefault(vendor(name, domains), []).append(name)
    for owner in sorted(grouped):
        yield owner, tuple(grouped[owner])
