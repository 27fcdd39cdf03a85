from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.workloads.host_paths import host_path
from tests.support.cases import cases


@cases(
    ("path", "expected"),
    [
        ("", "/"),
        ("/", "/"),
        ("/dev/nvidia0", "/dev/nvidia0"),
        ("dev/nvidia0", "/dev/nvidia0"),
        ("./dev//nvidia0/", "/dev/nvidia0"),
        ("/srv/../dev/./dri", "/dev/dri"),
        ("/../../dev", "/dev"),
        ("/var/run", "/run"),
        ("/var/run/docker.sock", "/run/docker.sock"),
        ("/var/running/x", "/var/running/x"),
        ("/srv/var/run/x", "/srv/var/run/x"),
        ("/proc/1/root", "/"),
        ("/proc/1/root/dev/nvidia0", "/dev/nvidia0"),
        ("/proc/self/root/etc", "/etc"),
        ("/proc/thread-self/root/etc", "/etc"),
        ("/proc/1/task/1/root/etc", "/etc"),
        ("/proc/1/cwd/dev", "/dev"),
        ("/proc/1/root/proc/2/root/var/run/docker.sock", "/run/docker.sock"),
        ("/proc/1/rootfs", "/proc/1/rootfs"),
        ("/proc/one/root", "/proc/one/root"),
        ("/proc/1/roots/../root/dev", "/dev"),
        ("/var/run/../dev/nvidia0", "/dev/nvidia0"),
        ("/dev/fd/../root/dev/mem", "/dev/mem"),
        ("/proc/net/../root/dev/mem", "/dev/mem"),
        ("/proc/thread-self/../../root/dev/mem", "/dev/mem"),
        ("/var/lock/../docker.sock", "/run/docker.sock"),
        ("/sys/devices/virtual/net/lo/subsystem/../../../dev/nvidia0", "/dev/nvidia0"),
        ("/sys/devices/virtual/net/lo/subsystem/../../../var/run/x", "/run/x"),
        ("/sys/devices/virtual/net/lo/subsystem/../../..", "/"),
        ("/usr/lib/ssl/certs/../../../dev/kfd", "/dev/kfd"),
        ("/usr/bin/X11/X11/../../dev/a..b", "/dev/a..b"),
        ("/etc/x/../docker", "/etc/docker"),
        ("/srv/app/../../srv/data", "/srv/data"),
        ("/home/ada/app/../data", "/home/ada/data"),
        ("/dev/disk/../nvidia0", "/dev/nvidia0"),
        ("/proc/1/fd/3", "/"),
        ("/proc/self/task/7/fd/3/dev", "/dev"),
        ("/proc/1/fd", "/proc/1/fd"),
    ],
)
def test_a_file_of_the_host_has_one_path(path: str, expected: str) -> None:
    assert host_path(path) == expected


@pytest.mark.thorough
@given(
    st.lists(st.sampled_from(["proc", "1", "root", "var", "run", "dev", "fd", "..", "", "self"]))
)
def test_the_path_of_a_path_is_itself(parts: list[str]) -> None:
    path = host_path("/".join(parts))

    assert path.startswith("/")
    assert host_path(path) == path


@pytest.mark.thorough
def test_a_long_hostile_path_is_named_in_one_pass() -> None:
    assert host_path("/proc/1/root" * 50_000 + "/dev") == "/dev"
    assert host_path("/a" * 50_000 + "/.." * 50_000) == "/"
