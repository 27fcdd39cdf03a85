from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from policyd.bundle import DirectoryFiles
from policyd.errors import BundleError
from policyd.fixes.edited_files import EditedFiles, editable_path, write


@pytest.fixture
def files(tmp_path: Path) -> DirectoryFiles:
    root = tmp_path / "root"
    (root / "below").mkdir(parents=True)
    (root / "below" / "a.yaml").write_text("old")
    (tmp_path / "outside.yaml").write_text("old")
    return DirectoryFiles(str(root), named=[str(tmp_path / "outside.yaml")])


def test_an_edited_file_has_its_new_text_and_the_others_are_as_on_disk(
    files: DirectoryFiles,
) -> None:
    edited = EditedFiles(files, {"below/a.yaml": "nüw"})
    path = f"{files.root}/below/a.yaml"

    assert edited.read(path) == "nüw".encode()
    assert EditedFiles(files, {}).read(path) == b"old"
    assert edited.kind(path) == "file"
    assert edited.display(path) == "below/a.yaml"
    assert edited.names() == ("below/a.yaml",)
    assert edited.digest() == files.digest()


def test_a_written_file_keeps_its_mode_and_leaves_no_other_file(files: DirectoryFiles) -> None:
    path = Path(files.root, "below", "a.yaml")
    path.chmod(0o640)
    files.read(str(path))

    write(files, "below/a.yaml", "new\n")

    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(path.parent) == ["a.yaml"]


def test_a_file_that_changed_meanwhile_is_not_overwritten(files: DirectoryFiles) -> None:
    path = Path(files.root, "below", "a.yaml")
    files.read(str(path))
    path.write_text("other")

    with pytest.raises(BundleError, match="changed while it was being evaluated"):
        write(files, "below/a.yaml", "new")

    assert path.read_text() == "other"


@pytest.mark.parametrize("name", ["../outside.yaml", "/etc/hosts", "below/../../outside.yaml"])
def test_a_file_outside_the_project_is_refused(files: DirectoryFiles, name: str) -> None:
    with pytest.raises(BundleError, match="is outside the project"):
        editable_path(files, name)


def test_a_file_behind_a_link_is_refused(files: DirectoryFiles) -> None:
    Path(files.root, "link").symlink_to("below")
    Path(files.root, "a.yaml").symlink_to("below/a.yaml")

    for name in ("link/a.yaml", "a.yaml"):
        with pytest.raises(BundleError, match="is reached through a symbolic link"):
            editable_path(files, name)


def test_a_root_that_is_itself_a_link_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.yaml").write_text("old")
    (tmp_path / "root").symlink_to("real")
    files = DirectoryFiles(str(tmp_path / "root"))
    files.read(f"{files.root}/a.yaml")

    write(files, "a.yaml", "new")

    assert (tmp_path / "real" / "a.yaml").read_text() == "new"
