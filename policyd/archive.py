"""Make a Bundle of a tar or tar.gz archive, as one `curl` command sends it.

In: the bytes of a request, which may be hostile. Out: a Bundle in memory; nothing is written to
disk. Errors: BundleError, which names the member; PayloadTooLarge for an exceeded limit, also after
decompression. Source: POSIX pax and ustar, GNU tar; RFC 1952.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Final

from policyd.bundle import memory_bundle, relative_name
from policyd.errors import BundleError, PayloadTooLarge
from policyd.limits import MAX_BUNDLE, MAX_FILES, MIB
from policyd.model import Bundle

BLOCK: Final = tarfile.BLOCKSIZE
MAX_UNPACKED: Final = MAX_BUNDLE + MAX_FILES * 4 * BLOCK + MIB
"""Bytes of the decompressed archive: all files, four header blocks for each, and padding."""
MAX_RECORDS: Final = 20 * MAX_FILES
"""Records of pax headers, such as `mtime`. Reading one takes as long as reading 1,000 bytes."""
GZIP_MAGIC: Final = b"\x1f\x8b"
GZIP_WINDOW: Final = 31
"""The value of `wbits` that makes zlib expect a gzip header."""


def archive_bundle(
    data: bytes | BinaryIO,
    compose_files: Sequence[str] = (),
    env_files: Sequence[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    project_name: str = "",
) -> Bundle:
    """Return the project in the tar or tar.gz `data`, with all profiles enabled.

    Names are as in the archive. If all files are in one folder, names are relative to that folder,
    unless `compose_files` or `env_files` name a member with the folder.

    Raises BundleError if the archive is malformed or incomplete, or if it contains a link, a
    device, an absolute name, a ".." or a duplicate name; PayloadTooLarge for too many members or
    bytes. A single file that is too long is refused when it is read, as in a folder.
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


class _Headers(io.BytesIO):
    """An archive whose headers are read. Raises PayloadTooLarge for too many pax records."""

    records = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.records += data.count(b"=")  # each record has one
        if self.records > MAX_RECORDS:
            raise PayloadTooLarge(
                f"the headers of the archive have more than {MAX_RECORDS} records"
            )
        return data


def _gunzip(packed: bytes) -> bytes:
    member = zlib.decompressobj(wbits=GZIP_WINDOW)
    try:
        unpacked = member.decompress(packed, MAX_UNPACKED + 1)
    except zlib.error as error:
        raise BundleError(f"the archive is not valid gzip: {error}") from error
    if len(unpacked) <= MAX_UNPACKED and not member.eof:
        raise BundleError("the archive is incomplete: its gzip stream does not end")
    if member.unused_data.strip(b"\0"):
        raise BundleError("the archive has data after its gzip stream")
    return unpacked


def _members(unpacked: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(fileobj=_Headers(unpacked), mode="r:") as archive:
            for count, member in enumerate(archive):
                if count >= MAX_FILES:
                    raise PayloadTooLarge(f"the archive has more than {MAX_FILES} members")
                if member.isdir():
                    continue
                name = _checked_name(member)
                if name in files:
                    raise BundleError(f"{name!r}: duplicate name in the archive")
                total += member.size
                if total > MAX_BUNDLE:
                    raise PayloadTooLarge(f"{name}: the files exceed {MAX_BUNDLE // MIB} MiB")
                files[name] = unpacked[member.offset_data : member.offset_data + member.size]
                if len(files[name]) < member.size:
                    raise BundleError(f"the archive is incomplete: {name!r} is cut off")
            end = archive.offset
    except (tarfile.TarError, OSError, ValueError, OverflowError, RecursionError) as error:
        # The text of a ValueError quotes what is in a file.
        reason = error if isinstance(error, tarfile.TarError) else "a header is malformed"
        raise BundleError(f"the body is not a tar or tar.gz archive: {reason}") from error
    if not files:
        raise BundleError("the archive contains no file")
    if len(unpacked) - end < 2 * BLOCK or unpacked[end:].strip(b"\0"):
        raise BundleError(
            "the archive is incomplete or damaged: two zero blocks at its end are missing"
        )
    return files


def _checked_name(member: tarfile.TarInfo) -> str:
    name = relative_name(member.name)
    if member.issym() or member.islnk():
        raise BundleError(f"{name!r}: links are not allowed; it points to {member.linkname!r}")
    if not member.isreg() or member.issparse():
        raise BundleError(f"{name!r}: only regular files are allowed")
    return name


def _without_top_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    tops = {name.partition("/")[0] if "/" in name else "" for name in files}
    if len(tops) != 1 or "" in tops:
        return files
    return {name.partition("/")[2]: content for name, content in files.items()}
