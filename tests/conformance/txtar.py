"""Read and write txtar archives: `-- name --` lines, each followed by the text of that file.

In: bytes. Out: contents by name, in order. A text ends with a line feed or is empty. Text before
the first name is a comment in the format; it is an error here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_MARKER = re.compile(rb"^-- (.+) --$", re.MULTILINE)


def parse(archive: bytes) -> dict[str, bytes]:
    """Return the files of `archive` by name. Raises ValueError for text before the first name."""
    found = list(_MARKER.finditer(archive))
    start = found[0].start() if found else len(archive)
    if archive[:start].strip():
        raise ValueError("text before the first -- name -- line")
    ends = [match.start() for match in found[1:]] + [len(archive)]
    return {
        match[1].decode(): archive[match.end() + 1 : end]
        for match, end in zip(found, ends, strict=True)
    }


def render(files: Mapping[str, bytes]) -> bytes:
    """Return the archive of `files`; a text without a final line feed gets one."""
    parts = []
    for name, text in files.items():
        newline = b"" if not text or text.endswith(b"\n") else b"\n"
        parts.append(f"-- {name} --\n".encode() + text + newline)
    return b"".join(parts)
