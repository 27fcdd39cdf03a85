"""The lines that a change adds or replaces.

In: two folders with the files of the base and of the head, and names of files. Out: the numbers of
the changed lines in each file of the head. The files may be hostile: links out of the folders are
not followed, and the work is limited. Lines end as in YAML 1.2, section 5.4: LF, CR LF or CR.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Final

from policyd.errors import BundleError, PayloadTooLarge
from policyd.regular_files import read_regular

MAX_FILE_LINES: Final = 5_000
MAX_LINES: Final = 50_000
"""Lines that are compared in one file, and in all. Beyond, all lines between the first and the last
change of a file count as changed."""

ChangedLines = Mapping[str, frozenset[int]]
"""The numbers of the changed lines, from 1, by the names of the files."""


def changed_lines(base: str, head: str, files: Iterable[str]) -> ChangedLines:
    """Return the changed lines of `files`, names relative to both folders.

    `base` is "" if it is unknown: then nothing is known of the lines. All lines of a file that
    `base` does not have are changed. A file that cannot be read at the head has none.
    """
    if not base:
        return {}
    found: dict[str, frozenset[int]] = {}
    left = MAX_LINES
    for name in dict.fromkeys(files):
        before, after = _lines(base, name), _lines(head, name)
        start, end = _ends(before, after)
        old, new = before[start : len(before) - end], after[start : len(after) - end]
        left -= len(old) + len(new)
        if left < 0 or max(len(old), len(new)) > MAX_FILE_LINES:
            changed: Iterable[int] = range(len(new))
        else:
            changed = _differing(old, new)
        found[name] = frozenset(start + index + 1 for index in changed)
    return found


def _ends(before: list[bytes], after: list[bytes]) -> tuple[int, int]:
    """Return how many lines are the same at the start and at the end."""
    shorter = min(len(before), len(after))
    start = 0
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return start, end


def _differing(old: list[bytes], new: list[bytes]) -> Iterable[int]:
    """Yield the indexes of the lines in `new` that are not in `old`."""
    for tag, _, _, first, last in SequenceMatcher(None, old, new).get_opcodes():
        if tag != "equal":
            yield from range(first, last)


def _lines(folder: str, name: str) -> list[bytes]:
    """Return the lines of a file in `folder`, none if it cannot be read."""
    root = os.path.realpath(folder)
    try:
        real = os.path.realpath(os.path.join(root, name))
        if os.path.commonpath((root, real)) != root:
            return []
        return read_regular(real, name).splitlines()
    except (BundleError, PayloadTooLarge, OSError, ValueError):
        return []
