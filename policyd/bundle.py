"""The files of a project, from a folder or from memory, as a Bundle.

In: a root folder and what a caller of Compose would type, or names and contents from a request.
Out: a Bundle, through which nothing else is ever read. Errors: BundleError for a path or a link
that leaves the root and for what is no regular file; PayloadTooLarge for a limit. For archives see
archive.py.
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import stat
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from policyd.errors import BundleError, PayloadTooLarge
from policyd.model import Bundle

MIB: Final = 1024 * 1024
MAX_FILE: Final = 4 * MIB
"""Bytes of one file: real Compose files have some kilobytes, and parsing is linear in it."""
MAX_BUNDLE: Final = 32 * MIB
"""Bytes of all files together: what one request may hold in memory."""
MAX_FILES: Final = 1_000
"""Files of one bundle: includes, extends and env files of a large project are some dozens."""
MAX_NAME: Final = 4_096
"""Bytes of one path: PATH_MAX of Linux."""

PROJECT_ROOT: Final = "/project"
"""Where the files of a request appear to lie."""

COMPOSE_NAMES: Final = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""The names that Compose looks for when it is given no file."""

Kind = Literal["file", "directory", ""]


def directory_bundle(
    directory: str,
    compose_files: Sequence[str] = (),
    *,
    root: str = "",
    project_directory: str = "",
    env_files: Sequence[str] = (),
    profiles: Sequence[str] | None = None,
    project_name: str = "",
    environment: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
) -> Bundle:
    """Return the project that Compose, called in the folder `directory`, would load.

    Relative names are read against `directory`. Files are read below `root` only; files named in
    `compose_files` and `env_files` may lie elsewhere. The default root is the nearest folder with
    `.git` above the project, else `directory` for a project that is named relative to it, else the
    project's own folder. "-" in `compose_files` stands for `stdin`.

    Raises BundleError for a name that cannot be a local file, PayloadTooLarge for a long `stdin`.
    """
    directory = _clean(os.path.abspath(directory))
    compose = tuple(_against(directory, name) for name in compose_files)
    env = tuple(_against(directory, name) for name in env_files)
    project = _against(directory, project_directory) if project_directory else ""
    named = [name for name in compose if name != "-"]
    first = next((name for name in compose_files if name != "-"), "")
    start = project_directory or posixpath.dirname(first)
    top = _against(directory, root) if root else _default_root(directory, start, not compose)
    if not os.path.isdir(top):
        raise BundleError(f"{top}: the root is not a folder")
    files = DirectoryFiles(top, named=(*named, *env))
    if stdin is not None:
        files.remember_stdin(stdin)
    return Bundle(
        files=files,
        working_directory=directory,
        compose_files=compose,
        env_files=env,
        project_directory=project,
        project_name=project_name,
        profiles=None if profiles is None else tuple(profiles),
        environment=dict(environment or {}),
        stdin=stdin,
    )


def memory_bundle(
    files: Mapping[str, bytes],
    compose_files: Sequence[str] = (),
    env_files: Sequence[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    project_name: str = "",
    profiles: Sequence[str] | None = (),
    root: str = PROJECT_ROOT,
) -> Bundle:
    """Return a project that exists in memory only: `files` by relative POSIX name.

    `compose_files` and `env_files` are names like those of `files`. Nothing else is ever read.

    Raises BundleError for a name that is absolute, leaves the root or stands twice, and
    PayloadTooLarge for a limit.
    """
    return Bundle(
        files=MemoryFiles(files, root),
        working_directory=root,
        compose_files=tuple(posixpath.join(root, relative_name(name)) for name in compose_files),
        env_files=tuple(posixpath.join(root, relative_name(name)) for name in env_files),
        project_name=project_name,
        profiles=None if profiles is None else tuple(profiles),
        environment=dict(environment or {}),
    )


def relative_name(name: str) -> str:
    """Return `name` without "./" and "//".

    Raises BundleError when it is empty, absolute, too long, has a ".." or a NUL byte.
    """
    _check_text(name)
    if name.startswith("/"):
        raise BundleError(f"{name!r}: the name is absolute; names are relative to the project")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BundleError(f"{name!r}: the name has a '..'; it must stay inside the project")
    if not parts:
        raise BundleError(f"{name!r}: the name of a file is empty")
    return "/".join(parts)


class DirectoryFiles:
    """Files below one folder, each read once. See `policyd.model.Files`.

    `root` is its absolute path. `named` are files that the caller named himself: these may lie
    outside.
    """

    def __init__(self, root: str, named: Iterable[str] = ()) -> None:
        self.root: Final = _clean(os.path.abspath(root))
        self._real_root = os.path.realpath(self.root)
        self._reals = {self.root: self._real_root}
        self._named = frozenset(self._real(path) for path in named)
        self._kinds: dict[str, Kind] = {}
        self._contents: dict[str, bytes] = {}
        self._stdin: bytes | None = None
        self._seen = _Seen()

    def read(self, path: str) -> bytes:
        path = _clean(path)
        if path in self._contents:
            return self._contents[path]
        real = self._real(path)
        if not self._allowed(real):
            raise BundleError(
                f"{self.display(path)}: lies outside {self.root}; "
                "name a wider folder with --root if it may be read"
            )
        kind = self.kind(path)
        if not kind:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if kind == "directory":
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        content = _read_regular(real, self.display(path))
        self._seen.file(_relative(path, self.root), content)
        self._contents[path] = content
        return content

    def kind(self, path: str) -> Kind:
        path = _clean(path)
        if path not in self._kinds:
            real = self._real(path)
            kind = _kind_on_disk(real) if self._allowed(real) else ""
            self._kinds[path] = kind
            if _below(path, self.root):
                self._seen.kind(_relative(path, self.root), kind)
        return self._kinds[path]

    def display(self, path: str) -> str:
        path = _clean(path)
        return _relative(path, self.root) if _below(path, self.root) else path

    def digest(self) -> str:
        return self._seen.digest()

    def names(self) -> tuple[str, ...]:
        return self._seen.names()

    def remember_stdin(self, text: bytes) -> None:
        """Count `text`, the standard input, among what was read.

        Raises PayloadTooLarge.
        """
        self._seen.file("-", text)
        self._stdin = text

    def shown(self, name: str) -> bytes | None:
        """Return what was read as the file that messages call `name`; None when nothing was."""
        if name == "-":
            return self._stdin
        return self._contents.get(posixpath.join(self.root, name))

    def _real(self, path: str) -> str:
        """Return the clean absolute `path` without links; each folder is looked up only once."""
        if path not in self._reals:
            folder, name = posixpath.split(path)
            if folder not in self._reals:
                self._reals[folder] = os.path.realpath(folder)
            real = posixpath.join(self._reals[folder], name)
            self._reals[path] = os.path.realpath(real) if os.path.islink(real) else real
        return self._reals[path]

    def _allowed(self, real: str) -> bool:
        return _below(real, self._real_root) or real in self._named


class MemoryFiles:
    """Files of a request, by relative POSIX name, shown as if they lay in the folder `root`.

    Raises BundleError for a bad name and PayloadTooLarge for a limit. See `policyd.model.Files`.
    """

    def __init__(self, files: Mapping[str, bytes], root: str = PROJECT_ROOT) -> None:
        self._root = _clean(root)
        self._contents: dict[str, bytes] = {}
        self._directories = {self._root}
        self._seen = _Seen()
        limits = _Seen()
        for raw, content in files.items():
            name = relative_name(raw)
            path = posixpath.join(self._root, name)
            if path in self._contents:
                raise BundleError(f"{name!r}: the name stands twice")
            limits.file(name, content)
            self._contents[path] = content
            while (path := posixpath.dirname(path)) not in self._directories:
                self._directories.add(path)
        if both := sorted(self._directories & self._contents.keys()):
            raise BundleError(f"{self.display(both[0])!r}: the name is a file and a folder at once")

    def read(self, path: str) -> bytes:
        path = _clean(path)
        if not _below(path, self._root):
            raise BundleError(f"{path}: lies outside the project")
        kind = self.kind(path)
        if not kind:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if kind == "directory":
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        content = self._contents[path]
        self._seen.file(self.display(path), content)
        return content

    def kind(self, path: str) -> Kind:
        path = _clean(path)
        kind: Kind = ""
        if path in self._contents:
            kind = "file"
        elif path in self._directories:
            kind = "directory"
        if _below(path, self._root):
            self._seen.kind(self.display(path), kind)
        return kind

    def display(self, path: str) -> str:
        path = _clean(path)
        return _relative(path, self._root) if _below(path, self._root) else path

    def digest(self) -> str:
        return self._seen.digest()

    def names(self) -> tuple[str, ...]:
        return self._seen.names()


class _Seen:
    """What was read: name → "sha256:…" or what was there instead; it holds the limits too."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._digests: dict[str, str] = {}
        self._bytes = 0

    def file(self, name: str, content: bytes) -> None:
        if name in self._digests:
            return
        check_size(name, len(content))
        self._bytes += len(content)
        if self._bytes > MAX_BUNDLE:
            raise PayloadTooLarge(f"{name}: the project has more than {MAX_BUNDLE // MIB} MiB")
        if len(self._digests) >= MAX_FILES:
            raise PayloadTooLarge(f"{name}: the project has more than {MAX_FILES} files")
        self._digests[name] = hashlib.sha256(content).hexdigest()

    def kind(self, name: str, kind: Kind) -> None:
        self._kinds[name] = kind or "absent"

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._digests))

    def digest(self) -> str:
        entries = {**self._kinds, **self._digests}
        total = hashlib.sha256()
        for name in sorted(entries):
            total.update(name.encode() + b"\0" + entries[name].encode() + b"\0")
        return f"sha256:{total.hexdigest()}"


def check_size(name: str, size: int) -> None:
    """Raise PayloadTooLarge when the file `name` has more than MAX_FILE bytes."""
    if size > MAX_FILE:
        raise PayloadTooLarge(
            f"{name}: the file has {size:,} bytes; the limit is {MAX_FILE // MIB} MiB"
        )


def _check_text(path: str) -> None:
    if "\0" in path:
        raise BundleError(f"{path!r}: the path has a NUL byte")
    try:
        size = len(path.encode())
    except UnicodeEncodeError as error:
        raise BundleError(f"{path!r}: the path is not UTF-8") from error
    if size > MAX_NAME:
        raise BundleError(f"{path[:60]!r}…: the path has {size:,} bytes; the limit is {MAX_NAME:,}")


def _clean(path: str) -> str:
    _check_text(path)
    if not path.startswith("/"):
        raise BundleError(f"{path!r}: the path is not absolute")
    return "/" + posixpath.normpath(path).lstrip("/")


def _against(directory: str, name: str) -> str:
    if name == "-":
        return name
    if "://" in name:
        raise BundleError(
            f"{name}: remote projects are not fetched; check it out and name its files"
        )
    return _clean(posixpath.join(directory, name))


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _relative(path: str, folder: str) -> str:
    """Return the clean absolute `path` relative to `folder`; nearly every one is below it."""
    below = path[len(folder) :].lstrip("/") or "."
    return below if _below(path, folder) else posixpath.relpath(path, folder)


def _default_root(directory: str, start: str, discover: bool) -> str:
    home = _clean(posixpath.join(directory, start))
    above = [home]
    while above[-1] != "/":
        above.append(posixpath.dirname(above[-1]))
    for folder in above:
        if os.path.exists(f"{folder}/.git"):
            return folder
    if discover:
        for folder in above:
            if any(os.path.exists(f"{folder}/{name}") for name in COMPOSE_NAMES):
                return folder
    return directory if not posixpath.isabs(start) and _below(home, directory) else home


def _kind_on_disk(real: str) -> Kind:
    try:
        mode = os.stat(real).st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            return ""
        return "file"
    return "directory" if stat.S_ISDIR(mode) else "file"


def _read_regular(real: str, shown: str) -> bytes:
    try:
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BundleError(f"{shown}: cannot be read: {error.strerror}") from error
    with open(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise BundleError(f"{shown}: is not a regular file")
        check_size(shown, status.st_size)
        try:
            content = file.read(status.st_size + 1)
            if len(content) > status.st_size:  # it has grown, or is one of those that say 0
                content += file.read(MAX_FILE + 1 - len(content))
        except OSError as error:
            raise BundleError(f"{shown}: cannot be read: {error.strerror}") from error
    check_size(shown, len(content))
    return content
