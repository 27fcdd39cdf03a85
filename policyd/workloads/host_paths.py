"""Return one path for each file of the host, however a project spells it.

In: a path from a project. Out: the clean absolute path of the same file on a usual Linux host. The
disk is not read: only links that every such host has are followed.
"""

from __future__ import annotations

from policyd.lazy_pattern import lazy_pattern

_LINKS = {
    "var/run": "run",
    "var/lock": "run/lock",
    "dev/fd": "proc/self/fd",
    "proc/net": "proc/self/net",
    "proc/thread-self": "proc/self/task/1",
}
_ROOT = lazy_pattern(r"proc/(?:[0-9]+|self)(?:/task/[0-9]+)?/(?:root|cwd)")
"""The root of a process, and its working directory, which is the root for daemons."""

_DEEPEST_LINK = 5


def host_path(path: str) -> str:
    """Return `path` without ".", "..", "//" and the links of /proc, /dev and /var.

    A relative path starts at "/". Links are followed before "..", as in the kernel.
    """
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            del parts[-1:]
            continue
        parts.append(part)
        if len(parts) <= _DEEPEST_LINK:
            here = "/".join(parts)
            if here in _LINKS:
                parts = _LINKS[here].split("/")
            elif _ROOT.fullmatch(here):
                parts = []
    return "/" + "/".join(parts)
