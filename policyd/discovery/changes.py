"""Ask Git which files a change touches.

In: a folder in a Git repository, and a ref. Out: absolute paths. Git gets no configuration of the
caller that runs programs, and a ref is never read as an option. Errors: ConfigError.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

import msgspec

from policyd.errors import ConfigError

SECONDS: Final = 120.0
"""Time that Git may take for one question."""

_SAFE: Final = (
    "--no-optional-locks",
    "--literal-pathspecs",
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "diff.external="),
)
"""Options without which the configuration of a repository could make Git run a program."""


class Changes(msgspec.Struct, frozen=True):
    """The files that differ from `ref`, as absolute paths with links in `root` resolved."""

    ref: str
    root: str
    files: frozenset[str]

    def touch(self, paths: Iterable[str]) -> bool:
        """Return whether one of the absolute `paths` changed, or lies in a changed submodule."""
        for path in paths:
            while len(path) >= len(self.root):
                if path in self.files:
                    return True
                path = os.path.dirname(path)
                if path == os.sep:
                    break
        return False

    def touch_below(self, path: str) -> bool:
        """Return whether the absolute `path`, or a file below it, changed."""
        inside = path.rstrip(os.sep) + os.sep
        return path in self.files or any(file.startswith(inside) for file in self.files)


def changes_since(ref: str, folder: str) -> Changes:
    """Return what the working tree of the repository around `folder` changes since `ref`.

    That is everything since the commit at which the history of HEAD left that of `ref`, with files
    that are not committed and new files that Git does not ignore. Where that commit is unknown, as
    in a shallow clone, it is everything that differs from `ref`. Raises ConfigError for a folder
    outside a repository and for an unknown `ref`.
    """
    if not ref:
        raise ConfigError("--changed-since is empty; name a Git ref, such as origin/main")
    if ref.startswith("-"):
        raise ConfigError(f"--changed-since {ref}: a ref does not start with '-'")
    root = _git(folder, "rev-parse", "--show-toplevel").rstrip("\n")
    commit = _git(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}",
        problem=f"--changed-since {ref}: Git does not know this ref; fetch it first",
    ).strip()  # fmt: skip
    base = _git(root, "merge-base", commit, "HEAD", fails=True).strip() or commit
    differing = _git(
        root, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv",
        "--ignore-submodules=none", base, "--",
    )  # fmt: skip
    new = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--")
    names = [name for name in (differing + new).split("\0") if name]
    return Changes(ref, root, frozenset(os.path.join(root, name.rstrip("/")) for name in names))


def _git(folder: str, *arguments: str, problem: str = "", fails: bool = False) -> str:
    """Return what Git prints in `folder`; "" for a failure if `fails`. Raises ConfigError."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name[:4] != "GIT_" or name == "GIT_CEILING_DIRECTORIES"
    }
    import subprocess  # here, because only --changed-since asks Git

    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 (a list of arguments, no shell)
            ["git", "-C", folder, *_SAFE, *arguments],  # noqa: S607 (the caller's git)
            capture_output=True,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
        )
    except FileNotFoundError as error:
        raise ConfigError("--changed-since needs the program git") from error
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"git {arguments[0]} took more than {SECONDS:.0f} seconds") from error
    if done.returncode == 0:
        return os.fsdecode(done.stdout)
    if fails:
        return ""
    said = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
    reason = (
        problem or f"git {arguments[0]} failed: {said.splitlines()[0] if said else 'no reason'}"
    )
    raise ConfigError(reason)
