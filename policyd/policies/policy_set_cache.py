"""Keep loaded policy sets on disk, so that a command does not read and check the same files again.

In: the path of a policy set. Out: the policy set, from the folder of caches of the user if it was
loaded before and nothing changed since: neither the installed program with its built-in packs, nor
the content of a file of the policy set, of its packs and of its data. A file of the cache is used
only if it belongs to this user, and nobody else can write it or its folder. In a checkout, without
a folder, and in doubt, the policy set is loaded. Errors: those of loading. Sources: XDG Base
Directory Specification, XDG_CACHE_HOME; Python Packaging User Guide, "Recording installed
projects".
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

import policyd
from policyd.digests import sha256
from policyd.model import to_json
from policyd.policies.policy_set import PolicySet, load_policy_set, source_paths

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILES: Final = 2_000
"""Files of a policy set that is kept."""
MAX_BYTES: Final = 32 * 1024 * 1024
"""Bytes of its files, and of a file of the cache."""

_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


class _Kept(msgspec.Struct, frozen=True):
    """A file of the cache. `digest` is over the content of `sources`."""

    sources: tuple[str, ...]
    digest: str
    policy_set: msgspec.Raw


class _TooMuch(Exception):
    """The sources are not kept: they are too many, too large, or not regular files."""


def cached_policy_set(
    path: Path | None, environment: Mapping[str, str], program: str | None
) -> PolicySet:
    """Return the policy set in `path`, or the default policy set. Raises PolicySetError.

    `environment` names the folder of caches. `program` is from `installed_program`; with None,
    nothing is kept.
    """
    folder = _folder(environment) if program is not None else None
    if folder is None or program is None:
        return load_policy_set(path)
    file = f"{folder}/{_name(program, path)}.json"
    found = _read(file)
    if found is not None:
        return found
    before = _sources(path)
    policy_set = load_policy_set(path)
    if before is not None and before == _sources(path):
        _write(file, _Kept(*before, msgspec.Raw(to_json(policy_set))))
    return policy_set


def _folder(environment: Mapping[str, str]) -> str | None:
    """Return the folder of the cache, which is created; None if there can be none."""
    home = environment.get("HOME", "")
    base = environment.get("XDG_CACHE_HOME", "") or (home and f"{home}/.cache")
    if not os.path.isabs(base):
        return None
    folder = f"{base}/policyd"
    try:
        if not os.path.isdir(folder):
            # With the home of another user, as under sudo, nothing is created.
            if os.stat(base if os.path.isdir(base) else home or base).st_uid != os.geteuid():
                return None
            os.makedirs(folder, mode=0o700, exist_ok=True)
        return folder if _is_own(os.lstat(folder), stat.S_IFDIR) else None
    except OSError:
        return None


def _is_own(found: os.stat_result, kind: int) -> bool:
    own = found.st_uid == os.geteuid() and not found.st_mode & _WRITABLE_BY_OTHERS
    return own and stat.S_IFMT(found.st_mode) == kind


def installed_program() -> str | None:
    """Return the digest of the installed program, None if it is not installed from a wheel.

    The file RECORD has the digests of all installed files, built-in packs included.
    """
    packages = os.path.dirname(os.path.dirname(policyd.__file__))
    try:
        with open(f"{packages}/policyd-{policyd.__version__}.dist-info/RECORD", "rb") as file:
            record = file.read()
    except OSError:
        return None
    listed = b"\npolicyd/policies/policy_set_cache.py,sha256=" in record
    return sha256(record).hexdigest() if listed else None


def _name(program: str, path: Path | None) -> str:
    """Return the name of the entry of `path` for `program`.

    Problems name files as `path` does, so it counts as it is written.
    """
    place = "" if path is None else f"{os.getcwd()}\0{path}"
    return sha256(f"{program}\0{place}".encode("utf-8", "surrogateescape")).hexdigest()


def _read(file: str) -> PolicySet | None:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as opened:
            if not _is_own(os.fstat(descriptor), stat.S_IFREG):
                return None
            kept = msgspec.json.decode(opened.read(MAX_BYTES), type=_Kept)
        if _digest(kept.sources) != kept.digest:
            return None
        return msgspec.json.decode(kept.policy_set, type=PolicySet)
    except (OSError, ValueError, _TooMuch):
        return None


def _write(file: str, kept: _Kept) -> None:
    """Replace `file` as a whole. A failure leaves the cache without it."""
    import tempfile  # here, because it is written once, and read at each start

    content = msgspec.json.encode(kept)
    if len(content) >= MAX_BYTES:
        return
    try:
        descriptor, new = tempfile.mkstemp(dir=os.path.dirname(file))  # mode 0600
        try:
            with open(descriptor, "wb") as opened:
                opened.write(content)
            os.replace(new, file)
        except OSError:
            os.unlink(new)
    except OSError:
        return


def _sources(path: Path | None) -> tuple[tuple[str, ...], str] | None:
    """Return the files and folders of `path` that loading may read, and their digest.

    Returns None if they cannot be kept. Those of the program are not listed.
    """
    try:
        paths = () if path is None else tuple(map(os.path.abspath, source_paths(path)))
        return paths, _digest(paths)
    except (OSError, _TooMuch):
        return None


def _digest(sources: Iterable[str]) -> str:
    """Return the digest of the names and contents of all files in `sources`. Raises OSError."""
    digest = sha256()
    files = size = 0
    for source in sources:
        kind = "folder" if os.path.isdir(source) else "file"
        digest.update(f"\0{kind} {source}\0".encode("utf-8", "surrogateescape"))
        for file in _files(source):
            content = _content(file)
            files, size = files + 1, size + len(content)
            if files > MAX_FILES or size > MAX_BYTES:
                raise _TooMuch
            digest.update(f"{file}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
            digest.update(content)
    return digest.hexdigest()


def _files(source: str) -> Iterator[str]:
    """Yield the files that `source` is or has below it, in a fixed order; none if it is absent."""
    if not os.path.isdir(source):
        if os.path.lexists(source):
            yield source
        return
    for folder, folders, files in os.walk(source, onerror=_fail):
        folders.sort()
        yield from (f"{folder}/{name}" for name in sorted(files))


def _content(file: str) -> bytes:
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _TooMuch
        return opened.read(MAX_BYTES + 1) or b""


def _fail(error: OSError) -> None:
    raise error
