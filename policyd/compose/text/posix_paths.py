"""Handle POSIX paths as text, as Go does. No file system is accessed.

In and out: paths. Source: Go package path.
"""

from __future__ import annotations


def clean(path: str) -> str:
    """Return `path` without ".", doubled slashes and inner ".."; "" gives "."."""
    if path and path[0] != "." and path[-1] != "/" and "//" not in path and "/." not in path:
        return path
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


def join(base: str, path: str) -> str:
    """Return `path` joined to `base`, cleaned. Empty parts are ignored (filepath.Join)."""
    if not base or not path:
        return clean(base or path) if base or path else ""
    return clean(f"{base}/{path}")


def dirname(path: str) -> str:
    """Return the directory of `path`, cleaned (filepath.Dir)."""
    return clean(path[: path.rfind("/") + 1])


def relative(base: str, target: str) -> str:
    """Return the path from `base` to `target`, or `target` itself where there is none.

    Both are absolute, or both relative and without leading ".." in `base` (filepath.Rel).
    """
    base, target = clean(base), clean(target)
    if base == target:
        return "."
    if base.startswith("/") != target.startswith("/"):
        return target
    ours = [part for part in base.split("/") if part not in ("", ".")]
    theirs = [part for part in target.split("/") if part not in ("", ".")]
    shared = 0
    while shared < min(len(ours), len(theirs)) and ours[shared] == theirs[shared]:
        shared += 1
    if ".." in ours[shared:]:
        return target
    return "/".join([".."] * (len(ours) - shared) + theirs[shared:]) or "."


def below(base: str, path: str) -> str:
    """Return `path` relative to the directory `base`. An absolute path is unchanged."""
    return path if path.startswith("/") else join(base, path)
