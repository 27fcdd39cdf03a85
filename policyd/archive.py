"""A tar or tar.gz of a project, as one curl line sends it, as a Bundle.

In: the bytes of a request, hostile. Out: a Bundle in memory; nothing is written to disk. Errors:
BundleError that names the member, PayloadTooLarge for a limit (also of what a small gzip unpacks
to). Source: POSIX pax and ustar, GNU tar; RFC 1952.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Final

from policyd.bundle import (
    MAX_BUNDLE,
    MAX_FILES,
    MIB,
    check_size,
    memory_bundle,
    relative_name,
)
from policyd.errors import BundleError, PayloadTooLarge
from policyd.model import Bundle

BLOCK: Final = tarfile.BLOCKSIZE
MAX_UNPACKED: Final = MAX_BUNDLE + MAX_FILES * 4 * BLOCK + MIB
"""Bytes of the archive once unpacked: all files, four blocks of header each, some padding."""
GZIP_MAGIC: Final = b"\x1f\x8b"
GZIP_WINDOW: Final = 31
"""How zlib is told that a gzip header comes first."""


def archive_bundle(
    data: bytes | BinaryIO,
    compose_files: Sequence[str] = (),
    env_files: Sequence[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    project_name: str = "",
) -> Bundle:
    """Return the project in the tar or tar.gz `data`, every profile on.

    Names are as in the archive; when all of it lies in one folder, names are relative to that
    folder, unless `compose_files` or `env_files` name a member as it stands.

    Raises BundleError for something that is no tar, is cut off, or holds a link, a device, an
    absolute name, a ".." or a name twice; PayloadTooLarge for a limit.
    """
    packed = data if isinstance(data, bytes) else data.read(MAX_UNPACKED + 1)
    unpacked = _gunzip(packed) if packed.startswith(GZIP_MAGIC) else packed
    if len(unpacked) > MAX_UNPACKED:
        raise PayloadTooLarge(f"the archive unpacks to more than {MAX_UNPACKED // MIB} MiB")
    files = _members(unpacked)
    if not any(relative_name(name) in files for name in (*compose_files, *env_files)):
        files = _without_top_folder(files)
    return memory_bundle(
        files, compose_files, env_files, environment=environment, project_name=project_name
    )


def _gunzip(packed: bytes) -> bytes:
    member = zlib.decompressobj(wbits=GZIP_WINDOW)
    try:
        unpacked = member.decompress(packed, MAX_UNPACKED + 1)
    except zlib.error as error:
        raise BundleError(f"the archive is not gzip that can be read: {error}") from error
    if len(unpacked) <= MAX_UNPACKED and not member.eof:
        raise BundleError("the archive is cut off: its gzip stream does not end")
    if member.unused_data.strip(b"\0"):
        raise BundleError("the archive has something after its gzip stream")
    return unpacked


def _members(unpacked: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as archive:
            for count, member in enumerate(archive):
                if count >= MAX_FILES:
                    raise PayloadTooLarge(f"the archive has more than {MAX_FILES} members")
                if member.isdir():
                    continue
                name = _checked_name(member)
                if name in files:
                    raise BundleError(f"{name!r}: the archive holds this name twice")
                total += member.size
                if total > MAX_BUNDLE:
                    raise PayloadTooLarge(f"{name}: the archive has over {MAX_BUNDLE // MIB} MiB")
                content = archive.extractfile(member)
                files[name] = content.read() if content else b""
            end = archive.offset
    except (tarfile.TarError, OSError, ValueError, OverflowError, RecursionError) as error:
        raise BundleError(f"the body is not a tar or tar.gz archive: {error}") from error
    if not files:
        raise BundleError("the archive holds no file")
    if len(unpacked) - end < 2 * BLOCK or unpacked[end:].strip(b"\0"):
        raise BundleError("the archive is cut off or damaged: two zero blocks do not end it")
    return files


def _checked_name(member: tarfile.TarInfo) -> str:
    name = relative_name(member.name)
    if member.issym() or member.islnk():
        raise BundleError(f"{name!r}: the archive holds a link to {member.linkname!r}")
    if not member.isreg() or member.issparse():
        raise BundleError(f"{name!r}: the archive holds something that is no regular file")
    check_size(name, member.size)
    return name


def _without_top_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    tops = {name.partition("/")[0] if "/" in name else "" for name in files}
    if len(tops) != 1 or "" in tops:
        return files
    return {name.partition("/")[2]: content for name, content in files.items()}
