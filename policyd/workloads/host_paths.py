"""Name a file of the host by one path, however it is spelled.

In: a path as a project has it. Out: the clean absolute path of the same file on a usual Linux
host. The disk is not looked at: only links that every such host has are followed.
"""

from __future__ import annotations

import re

_LINKS = {
    "var/run": "run",
    "var/lock": "run/lock",
    "dev/fd": "proc/self/fd",
    "proc/net": "proc/self/net",
    "proc/thread-self": "proc/self/task/1",
}
_ROOT = re.compile(r"proc/(?:[0-9]+|self)(?:/task/[0-9]+)?/(?:root|cwd)")
"""The root of a process, and its working directory, which for daemons is the root."""

_DEEPEST_LINK = 5


def host_path(path: str) -> str:
    """Return `path` without ".", "..", "//" and the links of /proc, /dev and /var.

    A relative path starts at "/". Links are followed before "..", as the kernel does it.
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
