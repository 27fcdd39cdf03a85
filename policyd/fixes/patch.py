"""Write edits as a unified diff.

In: texts before and after, by path. Out: a patch that `git apply` and `patch -p1` take. Lines are
those of the files, byte for byte.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping


def patch(texts: Mapping[str, tuple[str, str]]) -> str:
    """Return the unified diff of `texts`: before and after, by path from the current folder."""
    return "".join(
        line for name, (old, new) in sorted(texts.items()) for line in _diff(name, old, new)
    )


def _diff(name: str, old: str, new: str) -> Iterator[str]:
    name = name.removeprefix("./")
    for line in difflib.unified_diff(_lines(old), _lines(new), f"a/{name}", f"b/{name}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    """Return the lines of `text` with their ends; only line feeds end a line, as for diff."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
