from __future__ import annotations

import os
import threading

import pytest

from policyd.errors import RequestError
from policyd.host import host_files
from policyd.host.asked import Asked
from policyd.host.host_files import MAX_NODES, HostFiles


@pytest.fixture
def files(tmp_path):
    """The files of a host whose kernel calls the device 1:7 gpu7."""
    folder = tmp_path / "sys" / "char" / "1:7"
    folder.mkdir(parents=True)
    (folder / "uevent").write_text("MAJOR=1\nMINOR=7\nDEVNAME=accel/gpu7\n")
    return HostFiles(str(tmp_path / "sys"))


def devices(files: HostFiles, source: str) -> list[str]:
    entry = {"source": source, "target": "/dev/x", "permissions": "rwm"}
    found = files.followed(Asked("", "web", {"devices": [entry]})).keys["devices"]
    assert all((one["target"], one["permissions"]) == ("/dev/x", "rwm") for one in found)
    return [one["source"] for one in found]


def node(path, major: int, minor: int) -> None:
    """Make a device node; without the right to do so, the test is skipped."""
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(major, minor))
    except PermissionError:
        pytest.skip("this user cannot make device nodes")


def test_links_are_followed(files, tmp_path):
    link = tmp_path / "link"
    link.symlink_to("/dev/nvidia0")
    (tmp_path / "root").symlink_to("/")
    bind = {"type": "bind", "source": str(tmp_path / "root"), "target": "/x"}
    named = {"name": "v", "driver_opts": {"o": "rbind,ro", "device": str(tmp_path / "root")}}

    found = files.followed(Asked("", "web", {"volumes": [bind]}, {"v": named}))

    assert devices(files, str(link)) == ["/dev/nvidia0"]
    assert found.keys["volumes"] == [{**bind, "source": "/"}]
    assert found.volumes["v"]["driver_opts"] == {"o": "rbind,ro", "device": "/"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "none", "o": "bind", "device": "LINK"}, {"device": "/dev"}),
        ({"type": "none", "o": "ro, rbind", "device": "LINK/x"}, {"device": "/dev/x"}),
        ({"type": "none", "o": "bind", "device": "dev"}, {"device": "/dev"}),
        ({"type": "shiftfs", "o": "mark", "device": "LINK"}, {"device": "/dev"}),
        ({"type": "ext4", "device": "DISK"}, {"device": "/dev/sda1"}),
        ({"type": "ext4", "device": "none"}, {}),
        ({"type": "ext4", "device": "LINK/none"}, {"device": "/dev/none"}),
        ({"type": "nfs", "device": ":/x", "o": "addr=h"}, {}),
        ({"type": "tmpfs", "device": "tmpfs"}, {}),
        (
            {"type": "overlay", "device": "x", "o": "lowerdir=LINK::/a,upperdir=LINK,index=off"},
            {"o": "lowerdir=/dev::/a,upperdir=/dev,index=off"},
        ),
        ({"type": "overlay", "device": "x", "o": "lowerdir+=LINK"}, {"o": "lowerdir+=/dev"}),
        ({"type": "overlayfs", "device": "x", "o": "lowerdir=LINK"}, {"o": "lowerdir=/dev"}),
        ({"type": "overlay", "device": "LINK", "o": "bind,lowerdir=/a"}, {"device": "/dev"}),
    ],
)
def test_the_options_of_a_volume_name_the_files_themselves(files, tmp_path, given, expected):
    (tmp_path / "link").symlink_to("/dev")
    (tmp_path / "disk").symlink_to(tmp_path / "none")
    if given.get("device") == "DISK":
        node(tmp_path / "none", 1, 7)
        (tmp_path / "sys" / "char" / "1:7" / "uevent").write_text("DEVNAME=sda1\n")
    names = {"LINK": str(tmp_path / "link"), "DISK": str(tmp_path / "disk")}
    for word, path in names.items():
        given = {key: value.replace(word, path) for key, value in given.items()}

    found = files.followed(Asked("", "web", {}, {"v": {"driver_opts": given}}))

    assert found.volumes == {"v": {"driver_opts": {**given, **expected}}}


def test_the_folders_of_an_overlay_have_no_escapes(files):
    options = {"type": "overlay", "device": "x", "o": "lowerdir=/home/li\\nk"}
    with pytest.raises(RequestError, match=r"^the folders of an overlay must not contain a back"):
        files.followed(Asked("", "web", {}, {"v": {"driver_opts": options}}))


def test_what_is_no_path_stays(files):
    volume = {"type": "volume", "source": "v", "target": "/x"}
    asked = Asked("", "web", {"volumes": [volume]}, {"v": {"driver_opts": {"type": "tmpfs"}}})

    assert files.followed(asked) == asked
    assert devices(files, "nvidia.com/gpu=0") == ["nvidia.com/gpu=0"]
    assert devices(files, "/dev/null") == ["/dev/null"]
    assert devices(files, "/dev/none") == ["/dev/none"]


@pytest.mark.parametrize(
    ("major", "minor", "expected"),
    [(195, 0, "/dev/nvidia0"), (195, 255, "/dev/nvidiactl"), (1, 7, "/dev/accel/gpu7")],
)
def test_a_node_of_another_name_is_its_device(files, tmp_path, major, minor, expected):
    node(tmp_path / "harmless", major, minor)

    assert devices(files, str(tmp_path / "harmless")) == [expected]


def test_the_nodes_in_a_folder_count(files, tmp_path):
    folder = tmp_path / "folder" / "deep"
    folder.mkdir(parents=True)
    node(folder / "a", 195, 1)
    (folder / "b").write_text("x")

    top = str(tmp_path / "folder")
    assert devices(files, top) == [top, "/dev/nvidia1"]
    assert devices(files, "/dev") == ["/dev"]


def test_a_folder_with_too_many_files_counts_as_all_devices(files, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(MAX_NODES + 1):
        (folder / str(number)).touch()

    assert devices(files, str(folder)) == ["/dev"]


def test_a_disk_that_does_not_answer_is_an_error(files, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(host_files, "SECONDS", 0.01)
    monkeypatch.setattr(os, "readlink", lambda path: released.wait(10) and "")
    try:
        with pytest.raises(RequestError, match="cannot be looked at in time"):
            devices(files, "/net/hung")
    finally:
        released.set()
