"""Handle POSIX paths as text, as Go does: nothing is looked up on a disk.

In and out: paths. Source: Go package path.
"""

from __future__ import annotations


def clean(path: str) -> str:
    """Return `path` without ".", doubled slashes and inner ".."; "" gives "."."""
    rooted = path.startswith("/")
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part != "..":
            parts.append(part)
        elif parts and parts[-1] != "..":
            parts.pop()
        elif not rooted:
            parts.append(part)
    return ("/" if rooted else "") + "/".join(parts) or "."
