"""What stays writable below a read-only mount."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from policyd.errors import RequestError
from policyd.host import submounts
from policyd.host.asked import Asked
from policyd.host.engine_info import EngineInfo
from policyd.host.submounts import MAX_BELOW, kernel_is_deep, with_submounts
from tests.support.cases import cases
from tests.support.daemon_requests import creation, envelope

TABLE = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
35 22 0:30 / /proc/sys/fs/binfmt_misc rw,relatime shared:9 - autofs systemd-1 rw,fd=29
23 27 0:22 / /sys rw,relatime - sysfs sysfs rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
40 27 8:1 / /srv/with\040space/disk ro,nosuid - ext4 /dev/sdb1 rw
41 27 8:2 / /srvother rw - ext4 /dev/sdc1 rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
malformed
"""
BELOW_SYS = [("/sys/fs/cgroup", "/x/fs/cgroup"), ("/sys/fs/cgroup/devices", "/x/fs/cgroup/devices")]


@pytest.fixture
def table(tmp_path: Path) -> str:
    (tmp_path / "mountinfo").write_text(TABLE)
    return str(tmp_path / "mountinfo")


def below(
    table: str, entry: dict[str, Any], *, is_deep: bool = False, **volumes: Any
) -> list[tuple[str, str, bool]]:
    """Return source, target and whether it is read-only of what `entry` leaves."""
    given = {"target": "/x", **entry}
    asked = Asked("", "web", {"volumes": [given]}, volumes)
    first, *more = with_submounts(asked, lambda: is_deep, table).keys["volumes"]
    assert first == given
    return [(one["source"], one["target"], one["read_only"]) for one in more]


def bind(source: str, **more: Any) -> dict[str, Any]:
    return {"type": "bind", "source": source, "read_only": True, **more}


def test_what_is_mounted_below_a_read_only_mount_is_writable(table: str) -> None:
    assert below(table, bind("/sys")) == [(*one, False) for one in BELOW_SYS]
    assert below(table, bind("/sys/fs/cgroup")) == [("/sys/fs/cgroup/devices", "/x/devices", False)]
    disk = "/srv/with space/disk"
    assert below(table, bind("/srv")) == [(disk, "/x/with space/disk", True)]
    assert below(table, bind("/proc")) == []  # what autofs waits for is mounted nowhere
    assert below(table, bind("/sys", read_only=False)) == []  # all of it is writable
    assert below(table, bind("/")) == []  # all of the host


def test_a_new_engine_leaves_nothing_writable_unless_it_is_told_to(table: str) -> None:
    assert below(table, bind("/sys"), is_deep=True) == []
    told = bind("/sys", bind={"recursive": "writable"})
    assert [one[:2] for one in below(table, told, is_deep=True)] == BELOW_SYS


def test_a_volume_that_binds_with_what_is_below_counts(table: str) -> None:
    volume = {"type": "volume", "source": "v", "read_only": True}

    def options(words: str) -> dict[str, Any]:
        return {"driver_opts": {"type": "none", "o": words, "device": "/sys"}}

    assert [one[:2] for one in below(table, volume, v=options("ro, rbind"))] == BELOW_SYS
    assert below(table, volume, v=options("ro,bind")) == []
    assert below(table, volume, is_deep=True, v=options("rbind")) == []
    writable = {**volume, "read_only": False}
    found = below(table, writable, is_deep=True, v=options("ro,rbind"))
    assert [one[:2] for one in found] == BELOW_SYS


def test_too_many_mounts_count_as_one_writable_mount(tmp_path: Path) -> None:
    lines = [f"1 2 0:1 / /data/{n} rw - ext4 x rw\n" for n in range(MAX_BELOW + 1)]
    (tmp_path / "mountinfo").write_text("".join(lines))

    assert below(str(tmp_path / "mountinfo"), bind("/data")) == [("/data", "/x", False)]


def test_mounts_of_the_host_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"^the mounts of the host cannot be read: /.*/none: No"):
        below(str(tmp_path / "none"), bind("/srv"))
    assert below(str(tmp_path / "none"), bind("/srv"), is_deep=True) == []


@cases(
    ("version", "expected"),
    [("20.10.24+dfsg1", False), ("24.0.9", False), ("25.0.0", True), ("29.3.1", True), ("", False)],
)
def test_engines_are_deep_from_version_25_on(version: str, expected: bool) -> None:
    assert EngineInfo(version=version).has_deep_read_only is expected


@cases(
    ("release", "expected"),
    [("5.11.0-49-generic", False), ("5.12.0", True), ("6.1.0-18-amd64", True), ("?", False)],
)
def test_kernels_are_deep_from_version_5_12_on(release: str, expected: bool) -> None:
    assert kernel_is_deep(release) is expected


def test_the_gate_evaluates_what_stays_writable(gate, engine, monkeypatch, table: str) -> None:
    monkeypatch.setattr(submounts, "TABLE", table)
    monkeypatch.setattr("policyd.host.gate.kernel_is_deep", lambda: True)
    mount = {"Type": "bind", "Source": "/sys", "Target": "/x", "ReadOnly": True}

    def create(**options: bool) -> str:
        sent = creation(Mounts=[{**mount, "BindOptions": options}])
        gate._existing._info = None  # as after 30 seconds
        return gate.before(envelope("/v1.41/containers/create", sent)).message

    for version in ("", "24.0.9"):
        engine.documents["/info"] = {"ServerVersion": version}
        assert "no-host-proc-sys-mounts: service container mounts /sys/fs/cgroup " in create()
    engine.documents["/info"] = {"ServerVersion": "29.3.1"}
    assert create() == ""
    assert "mounts /sys/fs/cgroup of" in create(ReadOnlyNonRecursive=True)


@pytest.mark.parametrize(
    ("host", "leaves"),
    [
        ({"Mounts": [{"Type": "bind", "BindOptions": {"ReadOnlyNonRecursive": True}}]}, True),
        ({"VolumesFrom": ["c8"]}, True),  # the daemon does not show how c8 was told
        ({"Mounts": [{"Type": "bind", "BindOptions": {"NonRecursive": True}}, {}]}, False),
        ({}, False),
    ],
)
def test_who_takes_over_a_mount_takes_over_what_it_leaves_writable(
    gate, engine, monkeypatch, table: str, host: dict[str, Any], leaves: bool
) -> None:
    monkeypatch.setattr(submounts, "TABLE", table)
    monkeypatch.setattr("policyd.host.gate.kernel_is_deep", lambda: True)
    engine.documents["/info"] = {"ServerVersion": "29.3.1"}
    mount = {"Type": "bind", "Source": "/sys", "Destination": "/x", "RW": False}
    engine.documents["/containers/c9/json"] = {"Id": "c9", "Mounts": [mount], "HostConfig": host}

    sent = creation(VolumesFrom=["c9"])
    said = gate.before(envelope("/v1.41/containers/create", sent)).message

    assert ("mounts /sys/fs/cgroup of" in said) is leaves
