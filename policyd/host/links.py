"""Follow the links of a path as the Docker daemon does.

In: an absolute path. Out: the path without links. Errors: RequestError for a link below /proc,
which leads each process elsewhere: the daemon would not get to where this process gets. Source:
path_resolution(7), proc(5).
"""

from __future__ import annotations

import os
from typing import Final

from policyd.errors import RequestError

MAX_LINKS: Final = 40
"""Links that the kernel follows in one path."""


def without_links(path: str) -> str:
    """Return `path` without links, "." and ".."; what does not exist stays as it is written."""
    waiting, found = path.split("/")[::-1], list[str]()
    links = 0
    while waiting:
        step = waiting.pop()
        if step == "..":
            del found[-1:]
        elif step not in ("", "."):
            target = _target(found, step) if links < MAX_LINKS else ""
            links += bool(target)
            if not target:
                found.append(step)
            elif target.startswith("/"):
                found.clear()
            waiting += target.split("/")[::-1]
    return "/" + "/".join(found)


def _target(folder: list[str], name: str) -> str:
    """Return where the link `name` in `folder` leads, "" if it is no link. Raises RequestError."""
    path = "/" + "/".join((*folder, name))
    is_of_process = folder[:1] == ["proc"]
    try:
        target = os.readlink(path)
    except PermissionError:
        target = "?" if is_of_process else ""
    except (OSError, ValueError):  # ValueError: a NUL character, which the daemon refuses
        return ""
    if target and is_of_process:
        raise RequestError(
            f"{path} leads each process elsewhere; name the path of the host instead of it"
        )
    return target
