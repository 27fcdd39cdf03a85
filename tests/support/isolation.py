"""What keeps a test run apart from the person and the machine that run it.

`isolate` changes the environment of this process, and so of every process that a test starts. What
tests write lies below `.cache` in the checkout, and no setting of the person who runs them counts.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache"
"""The folder that holds everything that tests write; git ignores it."""

_LOOPBACK = "127.0.0.1,localhost,::1"
_REMOVED_PREFIXES = ("POLICYD_", "COMPOSE_", "XDG_")
_REMOVED = (
    "FORCE_COLOR",
    "NO_COLOR",
    "CLICOLOR_FORCE",
    "LANGUAGE",
    "PWD",
    "PYTHONDONTWRITEBYTECODE",
)
_GO_FLAGS = "-modcacherw -ldflags=-s '-gcflags=all=-l -dwarf=false'"
"""Modules that `make clean` may remove, and a build that takes two thirds of the time: without
inlining, and without what debuggers need. `.ci/run` builds tools with the same flags."""


def isolate() -> None:
    """Point home, temporary files, caches and the language at values that tests own."""
    environment = os.environ
    for name in list(environment):
        if name.startswith(_REMOVED_PREFIXES) or name in _REMOVED:
            del environment[name]
    go_settings = Path(environment.get("HOME", "/")) / ".config" / "go" / "env"
    environment |= {
        "HOME": str(_folder("home")),
        "TMPDIR": str(_folder("tmp")),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "NO_PROXY": ",".join(filter(None, (environment.get("NO_PROXY"), _LOOPBACK))),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GOENV": environment.get("GOENV", str(go_settings)),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(_folder("hypothesis")),
        "PYTHONPYCACHEPREFIX": str(_folder("pycache")),
        "GOCACHE": environment.get("GOCACHE", str(_folder("go-build"))),
        "GOMODCACHE": environment.get("GOMODCACHE", str(_folder("go-modules"))),
        "GOFLAGS": _with_go_flags(environment.get("GOFLAGS", "")),
        "CGO_ENABLED": "0",
    }
    environment["no_proxy"] = environment["NO_PROXY"]
    tempfile.tempdir = environment["TMPDIR"]
    sys.pycache_prefix = environment["PYTHONPYCACHEPREFIX"]
    sys.dont_write_bytecode = False


def unmeasured() -> dict[str, str]:
    """Return the environment for a process whose imports a test looks at: no coverage in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def _with_go_flags(flags: str) -> str:
    return flags if flags.endswith(_GO_FLAGS) else f"{flags} {_GO_FLAGS}".strip()


def _folder(name: str) -> Path:
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
