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
_ROOT = lazy_pattern(r"proc/(?:[0-9]+|self)(?:/task/[0-9]+)?/(?:root|cwd|fd/[0-9]+)")
"""The root of a process, its working directory, the root for daemons, and what it has open."""

_DEEPEST_LINK = 6
_TREES_WITH_LINKS = frozenset(("bin", "etc", "lib", "lib64", "proc", "sbin", "sys", "usr"))
"""Folders with links to others nearer to the root: …/net/lo/subsystem of /sys is /sys/class/net."""
_TOP = frozenset((*_TREES_WITH_LINKS, "boot", "dev", "home", "root", "run", "var"))


def host_path(path: str) -> str:
    """Return `path` without ".", "..", "//" and the links of /proc, /dev and /var.

    A relative path starts at "/". Links are followed before "..", as in the kernel. A ".." that may
    stand behind another link leads to the root, if a folder of the root follows.
    """
    parts: list[str] = []
    steps = [part for part in path.split("/") if part not in ("", ".")]
    is_certain, behind = True, 0
    for place, part in enumerate(steps, start=1):
        if part == "..":
            is_certain = is_certain and not (len(parts) > 1 and parts[0] in _TREES_WITH_LINKS)
            behind = place
            del parts[-1:]
            continue
        parts.append(part)
        if len(parts) <= _DEEPEST_LINK:
            here = "/".join(parts)
            if here in _LINKS:
                parts = _LINKS[here].split("/")
            elif _ROOT.fullmatch(here):
                parts, is_certain = [], True
    if not is_certain and (behind == len(steps) or steps[behind] in _TOP):
        return host_path("/".join(steps[behind:]))
    return "/" + "/".join(parts)
