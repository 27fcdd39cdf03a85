"""Stand-in for policyd.bundle.memory_bundle until it lands. Removed then."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping
from typing import Any

from policyd.model import Bundle


class _Files:
    def __init__(self, files: Mapping[str, bytes], root: str) -> None:
        self.root = root
        self.texts = {posixpath.join(root, path): text for path, text in files.items()}

    def read(self, path: str) -> bytes:
        path = posixpath.normpath(path)
        if path in self.texts:
            return self.texts[path]
        if self.kind(path) == "directory":
            raise IsADirectoryError(path)
        raise FileNotFoundError(path)

    def kind(self, path: str) -> str:
        path = posixpath.normpath(path)
        if path in self.texts:
            return "file"
        prefix = path.rstrip("/") + "/"
        below = path == self.root or any(name.startswith(prefix) for name in self.texts)
        return "directory" if below else ""

    def display(self, path: str) -> str:
        return posixpath.normpath(path).removeprefix(self.root + "/")

    def digest(self) -> str:
        joined = b"".join(name.encode() + text for name, text in sorted(self.texts.items()))
        return "sha256:" + hashlib.sha256(joined).hexdigest()


def memory_bundle(files: Mapping[str, bytes], *, root: str, **options: Any) -> Bundle:
    return Bundle(files=_Files(files, root), working_directory=root, **options)
