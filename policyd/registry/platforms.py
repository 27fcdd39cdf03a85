"""Name platforms in one form, and tell which of them a host of another one can run.

In: platforms as Compose and registries write them. Out: `Platform`. Source: containerd/platforms
v1.0, database.go and compare.go.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_ARCHITECTURES: Final = {
    "i386": ("386", ""),
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_PART: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_SYSTEMS: Final = ("linux", "windows", "darwin", "freebsd")
_DEFAULT_VARIANTS: Final = {"amd64": "v1", "arm64": "v8"}
"""Variants that are not written."""


class Platform(NamedTuple):
    """`variant` is "" where the architecture says enough."""

    system: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in self if part)

    def acceptable(self) -> tuple[Platform, ...]:
        """Return the platforms whose images this one runs, the best first."""
        newest = self.variant.removeprefix("v")
        if self.architecture not in ("arm", "amd64") or not newest.isdecimal():
            return (self, self._replace(variant="")) if self.variant else (self,)
        oldest = 5 if self.architecture == "arm" else 1
        variants = range(min(int(newest[:2]), 9), oldest - 1, -1)
        return tuple(platform(self.system, self.architecture, f"v{each}") for each in variants)


DEFAULT: Final = Platform("linux", "amd64")
"""The platform of a service that names none."""


def platform(system: str, architecture: str, variant: str = "") -> Platform:
    """Return the platform in its one form."""
    architecture = architecture.lower()
    architecture, named = _ARCHITECTURES.get(architecture, (architecture, ""))
    variant = variant.lower() or named or ("v7" if architecture == "arm" else "")
    variant = f"v{variant}" if variant.isdecimal() else variant
    if variant == _DEFAULT_VARIANTS.get(architecture):
        variant = ""
    return Platform(system.lower(), architecture, variant)


def parse(text: str) -> Platform | None:
    """Return the platform that `text` names, as in linux/arm64/v8; None if it is not valid."""
    parts = text.split("/")
    if len(parts) > 3 or not all(map(_PART.fullmatch, parts)):
        return None
    if len(parts) > 1:
        return platform(*parts)
    is_system = text.lower() in _SYSTEMS
    return platform(text, DEFAULT.architecture) if is_system else platform(DEFAULT.system, text)
