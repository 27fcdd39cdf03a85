"""Tiles: how the hashes and entries of a log are published as static resources.

In: the path of a tile. Out: what it names; the bytes of bundles of entries. Pure.
Source: C2SP tlog-tiles (2026-07): a tile holds up to 256 hashes; a path writes the index in groups
of three digits, all but the last prefixed with `x`; a partial tile ends in `.p/` and its width.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
"""Hashes of a full tile."""
MAX_LEVEL: Final = 63
MAX_ENTRY: Final = 0xFFFF
"""Bytes of an entry: its length is written in 16 bits."""

_PATH: Final = re.compile(
    r"(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class Tile(msgspec.Struct, frozen=True):
    """A tile of hashes, or a bundle of entries when `level` is -1. `width` counts its items.

    The tile `index` of level L holds the hashes of the subtrees of height 8 * L from
    index * 256 on.
    """

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Return the path of the tile below /log/tile/."""
        level = "entries" if self.level < 0 else str(self.level)
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
        index = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"{level}/{index}{partial}"


def tile_at(path: str) -> Tile | None:
    """Return the tile that `path` (below /log/tile/) names, None when it names none."""
    found = _PATH.fullmatch(path)
    if not found:
        return None
    level = -1 if found["level"] == "entries" else int(found["level"])
    index = int(found["index"].replace("x", "").replace("/", ""))
    width = int(found["width"] or WIDTH)
    tile = Tile(level, index, width)
    return tile if level <= MAX_LEVEL and width <= WIDTH and tile.path == path else None


def entry_bundle(entries: Iterable[bytes]) -> bytes:
    """Return `entries`, each after its length in two bytes, most significant first.

    Raises ValueError for an entry of more than 65,535 bytes.
    """
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise ValueError(f"an entry of {len(entry)} bytes exceeds the limit of {MAX_ENTRY}")
        parts += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(parts)


def entries_of(bundle: bytes) -> list[bytes]:
    """Return the entries of `bundle`. Raises ValueError when it is cut off."""
    entries, at = [], 0
    while at < len(bundle):
        length = int.from_bytes(bundle[at : at + 2], "big")
        entry = bundle[at + 2 : at + 2 + length]
        if at + 2 > len(bundle) or len(entry) != length:
            raise ValueError("the bundle of entries is cut off")
        entries.append(entry)
        at += 2 + length
    return entries
