"""Archives of commits, also hostile ones: nothing is written outside of the folder."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from policyd.errors import ForgeError
from policyd.forges import checkout
from policyd.limits import MAX_FILE

Member = tuple[str, bytes | str]
"""A name, and the content of a file or the target of a link."""


def unpacked(folder: Path, *members: Member, change: Callable[[bytes], bytes] = bytes) -> list[str]:
    """Unpack an archive of `members` into `folder` and return what is there."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    folder.mkdir()
    with tempfile.TemporaryFile() as file:
        file.write(change(packed.getvalue()))
        checkout.unpack(file, str(folder))
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_files_are_unpacked_without_the_top_folder(tmp_path: Path) -> None:
    found = unpacked(tmp_path / "f", ("top/a.txt", b"1"), ("top/b/c.txt", b"2"))

    assert found == ["a.txt", "b", "b/c.txt"]
    assert (tmp_path / "f/b/c.txt").read_bytes() == b"2"


def test_a_link_inside_is_made(tmp_path: Path) -> None:
    unpacked(tmp_path / "f", ("top/link", "a.txt"), ("top/a.txt", b"1"))

    assert (tmp_path / "f/link").read_bytes() == b"1"


@pytest.mark.parametrize("name", ["top/out/x", "top/out/new/x"])
def test_no_member_is_written_through_a_link(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()

    unpacked(tmp_path / "f", ("top/out", str(outside)), (name, b"1"))
    unpacked(tmp_path / "g", ("top/out", str(outside)), (name, "target"))

    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("name", ["/etc/x", "top/../../x", "../x"])
def test_a_name_outside_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ForgeError, match="outside") as refused:
        unpacked(tmp_path / "f", (name, b"1"))

    assert refused.value.is_final
    assert not (tmp_path / "x").exists()


def test_gits_own_folder_is_left_out(tmp_path: Path) -> None:
    assert unpacked(tmp_path / "f", ("top/.git/config", b"1"), ("top/.gitignore", b"")) == [
        ".gitignore"
    ]


def test_a_file_that_is_too_large_to_load_has_its_size_and_no_content(tmp_path: Path) -> None:
    unpacked(tmp_path / "f", ("top/big", b"x" * (MAX_FILE + 1)))

    found = tmp_path / "f/big"
    assert found.stat().st_size == MAX_FILE + 1
    assert found.stat().st_blocks == 0


@pytest.mark.parametrize("change", [lambda data: data[:700], lambda data: b"x" * 1024])
def test_a_damaged_archive_is_refused(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ForgeError):
        unpacked(tmp_path / "f", ("top/a", b"1" * 600), change=change)


def test_the_number_of_members_and_of_records_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = [(f"top/{number}", b"") for number in range(5)]
    monkeypatch.setattr(checkout, "MAX_MEMBERS", 4)
    with pytest.raises(ForgeError, match="more than 4 members"):
        unpacked(tmp_path / "f", *members)
    monkeypatch.setattr(checkout, "MAX_MEMBERS", 5)
    monkeypatch.setattr(checkout, "MAX_RECORDS", 1)
    with pytest.raises(ForgeError, match="too many records"):
        unpacked(tmp_path / "g", ("top/é" + "x" * 200, b""), ("top/ü" + "y" * 200, b""))
