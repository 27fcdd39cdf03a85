"""Find the examples of a policy: samples of its folder that are denied and allowed.

In: a policy, and the folders that its pack can lie in. Out: Compose files as texts.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

from policyd.errors import PolicySetError
from policyd.policies.packs import Policy, built_in, built_in_packs, read_text

_EXPECT: Final = re.compile(r"# expect:.*\n")
_SETTING: Final = re.compile(r"# (constraints|host):", re.MULTILINE)
MAX_LINES: Final = 40
"""Lines of an example. A longer one is not read on a terminal."""


class Examples(msgspec.Struct, frozen=True):
    """A Compose file that the policy denies, and one that it allows; "" where there is none."""

    denied: str = ""
    allowed: str = ""


def examples(policy: Policy, folder: Path | None = None) -> Examples:
    """Return the examples of `policy`, whose pack is built in or lies in `folder`.

    A sample without settings of its own precedes the others, then the shorter one.
    """
    for root in (*((folder,) if folder else ()), built_in()):
        samples = (root / policy.module).parent / "samples"
        if samples.is_dir():
            return Examples(_first(samples, "denied"), _first(samples, "allowed"))
    return Examples()


def built_in_policies() -> dict[str, Policy]:
    """Return all policies of the built-in packs by ID, in order."""
    found = (policy for pack in built_in_packs() for policy in pack.policies)
    return {policy.id: policy for policy in sorted(found, key=lambda one: one.id)}


def _first(samples: Path, prefix: str) -> str:
    files = [*samples.glob(f"{prefix}*/compose.y*ml"), *samples.glob(f"{prefix}*.y*ml")]
    texts = [text for text in map(_text, sorted(files)) if 0 < text.count("\n") <= MAX_LINES]
    return min(texts, key=_order, default="")


def _text(file: Path) -> str:
    try:
        return _EXPECT.sub("", read_text(file), count=1)
    except PolicySetError:
        return ""


def _order(text: str) -> tuple[bool, int]:
    return bool(_SETTING.search(text)), len(text)
