from __future__ import annotations

import os

import pytest

from policyd.errors import RequestError
from policyd.host import links
from policyd.host.links import MAX_LINKS, without_links


def test_a_path_leads_to_where_the_kernel_gets(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "a").symlink_to("folder/../b")
    (tmp_path / "b").symlink_to("/dev/none")
    (tmp_path / "folder" / "up").symlink_to("..")

    for path, expected in {
        "//dev/./x/../null": "/dev/null",
        "/../..": "/",
        f"{tmp_path}/a/x": "/dev/none/x",
        f"{tmp_path}/folder/up/b": "/dev/none",
        f"{tmp_path}/folder/none/../file": f"{tmp_path}/folder/file",
        "/none\0x": "/none\0x",
    }.items():
        assert without_links(path) == expected


def test_a_circle_of_links_ends(tmp_path):
    (tmp_path / "circle").symlink_to("circle")

    assert without_links(f"{tmp_path}/circle/x") == f"{tmp_path}/circle/x"


def test_the_number_of_links_is_that_of_the_kernel(tmp_path):
    for number in range(MAX_LINKS + 1):
        (tmp_path / str(number)).symlink_to(str(number + 1))
    (tmp_path / str(MAX_LINKS + 1)).touch()

    assert without_links(f"{tmp_path}/1") == os.path.realpath(tmp_path / "1")
    assert without_links(f"{tmp_path}/0") == f"{tmp_path}/{MAX_LINKS}"


@pytest.mark.parametrize(
    "path", ["/proc/self/cwd", "/proc/self/root/dev", "/proc/1/../self/fd/0", "/proc/thread-self"]
)
def test_a_link_that_leads_each_process_elsewhere_is_refused(path, tmp_path):
    (tmp_path / "link").symlink_to(path)

    for one in (path, str(tmp_path / "link")):
        with pytest.raises(RequestError, match=r"^/proc/.* leads each process elsewhere; name the"):
            without_links(one)


def test_links_that_cannot_be_read(monkeypatch, tmp_path):
    def forbidden(path):
        raise PermissionError(13, "no", path)

    monkeypatch.setattr(links.os, "readlink", forbidden)
    with pytest.raises(RequestError, match=r"^/proc/1 leads each process elsewhere"):
        without_links("/proc/1/root")
    assert without_links("/net/share") == "/net/share"
