"""Tell which files and folders Git would ignore, as it reads `.gitignore` files.

In: a folder to search. Out: a verdict for each path below it. Source: gitignore(5): patterns of a
deeper file win, and nothing below an ignored folder can be included again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from policyd.regular_files import read_regular

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

FILE: Final = ".gitignore"


class Ignored:
    """The patterns that apply in one folder: its own, and those of the folders above it."""

    def __init__(self, specs: Sequence[tuple[str, GitIgnoreSpec]] = ()) -> None:
        """`specs` are patterns and the folders that they are relative to, the outermost first."""
        self._specs = tuple(specs)

    def inside(self, folder: str) -> Ignored:
        """Return the patterns that apply in `folder`, which lies below. Raises BundleError."""
        own = _read(os.path.join(folder, FILE))
        return Ignored((*self._specs, (folder, own))) if own else self

    def __call__(self, path: str, *, folder: bool) -> bool:
        """Return whether Git ignores the absolute `path`, a file or a `folder`."""
        for base, spec in reversed(self._specs):
            name = os.path.relpath(path, base) + ("/" if folder else "")
            verdict = spec.check_file(name).include
            if verdict is not None:
                return verdict
        return False


def ignored_in(folder: str) -> Ignored:
    """Return the patterns that apply in `folder`: its own, and up to the root of the repository.

    Where Git ignores `folder` itself, only its own: the caller named it. Raises BundleError for a
    file that cannot be read.
    """
    above = [folder]
    while not os.path.exists(os.path.join(above[-1], ".git")):
        parent = os.path.dirname(above[-1])
        if parent == above[-1]:
            return Ignored().inside(folder)
        above.append(parent)
    found = Ignored()
    if exclude := _read(os.path.join(above[-1], ".git", "info", "exclude")):
        found = Ignored([(above[-1], exclude)])
    for one in reversed(above[1:]):
        found = found.inside(one)
    named = folder != above[-1] and found(folder, folder=True)
    return (Ignored() if named else found).inside(folder)


def _read(path: str) -> GitIgnoreSpec | None:
    """Return the patterns in a file, None where it is missing or a link, as for Git.

    A pattern that Git could not use either matches nothing.
    """
    if os.path.islink(path) or not os.path.isfile(path):
        return None
    # Imported here because `check` starts faster without, and most calls search no folders.
    from pathspec import GitIgnoreSpec

    text = read_regular(path, path).decode("utf-8", "replace")
    return GitIgnoreSpec.from_lines(filter(_is_pattern, re.split(r"\r?\n", text)))


def _is_pattern(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
