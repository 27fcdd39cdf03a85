"""Read files and run programs of the machine that an inventory describes.

In: the root folder of the machine, "/" or the place where it is mounted. Out: texts. What is
absent, not readable or too large is None: an inventory leaves out what it does not know.
"""

from __future__ import annotations

import json
import platform
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

MAX_FILE: Final = 4 << 20
"""How many bytes of a file are read: specifications of CDI for large hosts have some 100 kB."""

_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_SECONDS: Final = 20


class Machine:
    """The machine whose file system is at `root`. Programs are run only if that is "/"."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    @property
    def architecture(self) -> str:
        """The architecture of the running machine, as in x86_64; "" for one that is mounted."""
        return platform.machine() if self._is_running else ""

    @property
    def _is_running(self) -> bool:
        return self.root == Path("/")

    def text(self, path: str) -> str | None:
        """Return the content of the file at the absolute path `path`, without spaces around it."""
        try:
            with self._at(path).open("rb") as file:
                content = file.read(MAX_FILE + 1)
        except OSError:
            return None
        return content.decode("utf-8", "replace").strip() if len(content) <= MAX_FILE else None

    def exists(self, path: str) -> bool:
        """Return whether something is at the absolute path `path`."""
        try:
            return self._at(path).exists()
        except OSError:
            return False

    def names(self, path: str) -> list[str]:
        """Return the sorted names in the folder at the absolute path `path`."""
        try:
            return sorted(each.name for each in self._at(path).iterdir())
        except OSError:
            return []

    def is_writable_by_others(self, path: str) -> bool:
        """Return whether somebody but the owner of the root folder can change what is at `path`.

        That is so too if somebody can replace a folder above it. What is absent cannot be changed.
        """
        root = self.root.resolve()
        try:
            owner, here = root.stat().st_uid, self._at(path).resolve()
            above = [each for each in (here, *here.parents) if each.is_relative_to(root)]
            found = [each.stat() for each in above if each.exists()]
        except OSError:
            return False
        return any(one.st_uid != owner or one.st_mode & _BY_OTHERS for one in found)

    def link(self, path: str) -> str:
        """Return the last part of the target of the link at `path`, "" if there is none."""
        try:
            return self._at(path).readlink().name
        except OSError:
            return ""

    def document(self, path: str) -> Any:
        """Return the value of a JSON or YAML file, None if it is not valid."""
        text = self.text(path)
        if text is None:
            return None
        try:
            return json.loads(text) if path.endswith(".json") else yaml.safe_load(text)
        except (ValueError, yaml.YAMLError, RecursionError):
            return None

    def output(self, *command: str) -> str | None:
        """Return what a program prints; None if it is not installed, fails or takes too long."""
        program = shutil.which(command[0])
        if not self._is_running or program is None:
            return None
        try:
            done = subprocess.run(  # noqa: S603 (fixed commands)
                [program, *command[1:]],
                capture_output=True,
                timeout=_SECONDS,
                check=True,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.decode("utf-8", "replace").strip()

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")


def below(machine: Machine, folder: str) -> Iterator[str]:
    """Yield the absolute paths of what is in `folder`, in order of the names."""
    for name in machine.names(folder):
        yield f"{folder}/{name}"
