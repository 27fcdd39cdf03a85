from __future__ import annotations

import os
from pathlib import Path

import pytest

from policyd.errors import BundleError, PayloadTooLarge
from policyd.limits import MAX_FILE
from policyd.regular_files import check_size, kind_on_disk, read_regular


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text")

    assert read_regular(str(tmp_path / "a"), "a") == b"text"


def test_a_link_a_pipe_and_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("a")
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(BundleError, match="link: cannot be read"):
        read_regular(str(tmp_path / "link"), "link")
    with pytest.raises(BundleError, match="pipe: is not a regular file"):
        read_regular(str(tmp_path / "pipe"), "pipe")


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MAX_FILE + 1)

    with pytest.raises(PayloadTooLarge, match="large: the file has"):
        read_regular(str(tmp_path / "large"), "large")
    with pytest.raises(PayloadTooLarge):
        check_size("large", MAX_FILE + 1)


def test_what_is_at_a_path(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")

    assert kind_on_disk(str(tmp_path)) == "directory"
    assert kind_on_disk(str(tmp_path / "a")) == "file"
    assert kind_on_disk(str(tmp_path / "nosuch")) == ""
