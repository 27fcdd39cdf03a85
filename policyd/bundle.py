"""Make a Bundle of the files of a project, in a folder or in memory.

In: a folder and the arguments of Compose, or names and contents from a request. Out: a Bundle,
which gives access to these files only. Errors: BundleError for a path or a link that leaves the
root and for anything but a regular file; PayloadTooLarge for an exceeded limit. For archives see
archive.py.
"""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal

from policyd.compose.file_names import COMPOSE_FILE_NAMES
from policyd.digests import sha256
from policyd.errors import BundleError, PayloadTooLarge
from policyd.limits import MAX_BUNDLE, MAX_FILES, MAX_PATH, MIB
from policyd.model import Bundle, ImageConfig
from policyd.regular_files import check_size, kind_on_disk, read_regular

PROJECT_ROOT: Final = "/project"
"""The folder in which the files of a request appear to be."""

STDIN: Final = "-"
"""The name of standard input among the names of Compose files."""

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
    """Return the project that Compose would load if it were called in the folder `directory`.

    Relative names are relative to `directory`. Files are read below `root` only; files named in
    `compose_files` and `env_files` may be elsewhere. The default root is the nearest folder with
    `.git` above the project; without one, `directory` if the project is named relative to it, and
    otherwise the project's own folder. "-" in `compose_files` stands for `stdin`.

    Raises BundleError for a name that cannot be a local file.
    """
    directory = _clean(os.path.abspath(directory))
    compose = tuple(_against(directory, name) for name in compose_files)
    env = tuple(_against(directory, name) for name in env_files)
    project = _against(directory, project_directory) if project_directory else ""
    named = [name for name in compose if name != STDIN]
    first = next((name for name in compose_files if name != STDIN), "")
    start = project_directory or posixpath.dirname(first)
    top = _against(directory, root) if root else _default_root(directory, start, not compose)
    if not os.path.isdir(top):
        raise BundleError(f"{top}: the root is not a folder")
    searched = project or directory
    if not (compose or "COMPOSE_FILE" in (environment or {}) or _is_inside(searched, top)):
        raise BundleError(f"{searched}: is outside of the root {top}, so it is not read")
    files = DirectoryFiles(top, named=(*named, *env), stdin=stdin or b"")
    return Bundle(
        files=files,
        working_directory=directory,
        compose_files=compose,
        env_files=env,
        project_directory=project,
        project_name=project_name,
        profiles=None if profiles is None else tuple(profiles),
        environment=dict(environment or {}),
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
    image_configs: Mapping[str, ImageConfig] | None = None,
) -> Bundle:
    """Return a project in memory: `files` by relative POSIX name. Nothing else is ever read.

    `compose_files` and `env_files` are names in `files`.

    Raises BundleError for a duplicate name and one that is absolute or leaves the root, and
    PayloadTooLarge for too many files or bytes. A single file that is too long is refused when it
    is read, as in a folder.
    """
    return Bundle(
        files=MemoryFiles(files, root),
        working_directory=root,
        compose_files=tuple(posixpath.join(root, relative_name(name)) for name in compose_files),
        env_files=tuple(posixpath.join(root, relative_name(name)) for name in env_files),
        project_name=project_name,
        profiles=None if profiles is None else tuple(profiles),
        environment=dict(environment or {}),
        image_configs=dict(image_configs or {}),
    )


def relative_name(name: str) -> str:
    """Return `name` without "./" and "//".

    Raises BundleError when it is empty, absolute, too long, has a ".." or a NUL byte.
    """
    _check_text(name)
    if name.startswith("/"):
        raise BundleError(f"{name!r}: the name is absolute; it must be relative to the project")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BundleError(f"{name!r}: the name has a '..'; it must stay inside the project")
    if not parts:
        raise BundleError(f"{name!r}: the name of a file is empty")
    return "/".join(parts)


class DirectoryFiles:
    """The files below one folder, each read once. See `policyd.model.Files`.

    `root` is the absolute path of the folder. `named` are files that the caller named explicitly;
    they may be outside. `stdin` is the content of the file "-".
    """

    def __init__(self, root: str, named: Iterable[str] = (), stdin: bytes = b"") -> None:
        self.root: Final = _clean(os.path.abspath(root))
        self._real_root = os.path.realpath(self.root)
        self._reals = {self.root: self._real_root}
        self._named = frozenset(self._real(path) for path in named)
        self._kinds: dict[str, Kind] = {}
        self._contents: dict[str, bytes] = {}
        self._stdin = stdin
        self._seen = _Seen()

    def read(self, path: str) -> bytes:
        if path == STDIN:
            self._seen.file(STDIN, self._stdin)
            return self._contents.setdefault(STDIN, self._stdin)
        path = _clean(path)
        if path in self._contents:
            return self._contents[path]
        real = self._real(path)
        if not self._allowed(real):
            _refuse_parent(path, self.root)
            raise BundleError(
                f"{self.display(path)}: is outside {self.root}; "
                "to allow reading it, name a wider folder with --root"
            )
        kind = self.kind(path)
        if not kind:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if kind == "directory":
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        content = read_regular(real, self.display(path))
        self._seen.file(_relative(path, self.root), content)
        self._contents[path] = content
        return content

    def kind(self, path: str) -> Kind:
        path = _clean(path)
        if path not in self._kinds:
            real = self._real(path)
            kind = kind_on_disk(real) if self._allowed(real) else ""
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

    def examined(self) -> frozenset[str]:
        """Return the names of all files and folders that were looked for or read so far."""
        return self._seen.examined()

    def shown(self, name: str) -> bytes | None:
        path = STDIN if name == STDIN else posixpath.join(self.root, name)
        return self._contents.get(path)

    def _real(self, path: str) -> str:
        """Return the clean absolute `path` with links resolved. Folders are resolved once."""
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
    """The files of a request, which appear to be in the folder `root`. See `policyd.model.Files`.

    Raises BundleError for an invalid name and PayloadTooLarge for too many files or bytes.
    """

    def __init__(self, files: Mapping[str, bytes], root: str = PROJECT_ROOT) -> None:
        self._root = _clean(root)
        self._contents: dict[str, bytes] = {}
        self._directories = {self._root}
        self._seen, self._given = _Seen(), _Seen()
        for raw, content in files.items():
            name = relative_name(raw)
            path = posixpath.join(self._root, name)
            if path in self._contents:
                raise BundleError(f"{name!r}: duplicate name")
            self._given.add(name, content)
            self._contents[path] = content
            while (path := posixpath.dirname(path)) not in self._directories:
                self._directories.add(path)
        if both := sorted(self._directories & self._contents.keys()):
            raise BundleError(f"{self.display(both[0])!r}: the name is both a file and a folder")

    def read(self, path: str) -> bytes:
        path = _clean(path)
        if not _below(path, self._root):
            _refuse_parent(path, self._root)
            raise BundleError(f"{path}: is outside the project")
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
        inside: Kind = "directory" if path in self._directories else ""
        kind: Kind = "file" if path in self._contents else inside
        if _below(path, self._root):
            self._seen.kind(self.display(path), kind)
        return kind

    def identity(self) -> str:
        """Return "sha256:…" over the names and contents of all files, read or not."""
        return self._given.digest()

    def display(self, path: str) -> str:
        path = _clean(path)
        return _relative(path, self._root) if _below(path, self._root) else path

    def digest(self) -> str:
        return self._seen.digest()

    def names(self) -> tuple[str, ...]:
        return self._seen.names()

    def shown(self, name: str) -> bytes | None:
        """Return the content of the file that messages call `name`; None if there is none."""
        return self._contents.get(posixpath.join(self._root, name))


class _Seen:
    """Records what was read, by name: a digest, or the kind if it is not a file. Checks limits."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._digests: dict[str, str] = {}
        self._bytes = 0

    def file(self, name: str, content: bytes) -> None:
        """Record a file that is read. Raises PayloadTooLarge."""
        check_size(name, len(content))
        self.add(name, content)

    def add(self, name: str, content: bytes) -> None:
        """Record a file of any length. Raises PayloadTooLarge for too many files or bytes."""
        if name in self._digests:
            return
        self._bytes += len(content)
        if self._bytes > MAX_BUNDLE:
            raise PayloadTooLarge(f"{name}: the project has more than {MAX_BUNDLE // MIB} MiB")
        if len(self._digests) >= MAX_FILES:
            raise PayloadTooLarge(f"{name}: the project has more than {MAX_FILES} files")
        self._digests[name] = sha256(content).hexdigest()

    def kind(self, name: str, kind: Kind) -> None:
        self._kinds[name] = kind or "absent"

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._digests))

    def examined(self) -> frozenset[str]:
        return frozenset((*self._kinds, *self._digests))

    def digest(self) -> str:
        entries = {**self._kinds, **self._digests}
        total = sha256()
        for name in sorted(entries):
            total.update(name.encode() + b"\0" + entries[name].encode() + b"\0")
        return f"sha256:{total.hexdigest()}"


def _check_text(path: str) -> None:
    if "\0" in path:
        raise BundleError(f"{path!r}: the path has a NUL byte")
    try:
        size = len(path.encode())
    except UnicodeEncodeError as error:
        raise BundleError(f"{path!r}: the path is not UTF-8") from error
    if size > MAX_PATH:
        raise BundleError(f"{path[:60]!r}…: the path has {size:,} bytes; the limit is {MAX_PATH:,}")


@lru_cache(maxsize=1024)
def _clean(path: str) -> str:
    """Return the absolute `path` without "..", "." and "//". Projects share most of their paths.

    Raises BundleError.
    """
    _check_text(path)
    if not path.startswith("/"):
        raise BundleError(f"{path!r}: the path is not absolute")
    return "/" + posixpath.normpath(path).lstrip("/")


def _against(directory: str, name: str) -> str:
    if name == STDIN:
        return name
    if "://" in name:
        raise BundleError(
            f"{name}: remote projects are not fetched; check it out and name its files"
        )
    return _clean(posixpath.join(directory, name))


def _is_inside(path: str, folder: str) -> bool:
    """Return whether `path` is `folder` or below it, by its name or where links lead."""
    return _below(path, folder) or _below(os.path.realpath(path), os.path.realpath(folder))


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _refuse_parent(path: str, root: str) -> None:
    """Raise IsADirectoryError if `path` is a folder around `root`: that needs no look at it."""
    if _below(root, path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)


def _relative(path: str, folder: str) -> str:
    """Return the clean absolute `path` relative to `folder`. Nearly all paths are below it."""
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
            if any(os.path.exists(f"{folder}/{name}") for name in COMPOSE_FILE_NAMES):
                return folder
    return directory if not posixpath.isabs(start) and _below(home, directory) else home
