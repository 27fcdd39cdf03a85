from __future__ import annotations

from typing import Any

import pytest

from policyd.errors import ComposeError
from policyd.workloads import mounts as module
from policyd.workloads.model import (
    Mount,
)
from policyd.workloads.mounts import mounts_by_container
from tests.support.cases import cases

V0 = ("services", "app", "volumes", 0)


def mounts_of(volume: dict[str, Any], volumes: dict[str, Any] | None = None) -> list[Mount]:
    """Return the mounts of a service with one volume, in its long form."""
    tree = {"services": {"app": {"volumes": [volume]}}, "volumes": volumes or {}}
    return list(mounts_by_container(tree)[("services", "app")])


def named(options: dict[str, str], **extra: Any) -> list[tuple[str, str, bool, str, str]]:
    """Return type, source, read_only, origin and fstype of what a volume with `options` mounts."""
    definition = {"name": "p_data", "driver_opts": options} | extra.pop("definition", {})
    volume = {"type": "volume", "source": "data", "target": "/data"} | extra
    found = mounts_of(volume, {"data": definition})
    assert {(mount.target, mount.volume, mount.path) for mount in found} == {("/data", "data", V0)}
    return [(each.type, each.source, each.read_only, each.origin, each.fstype) for each in found]


# --- volumes --------------------------------------------------------------------------------------


def test_a_bind_names_the_file_of_the_host() -> None:
    volume = {"type": "bind", "source": "/proc/1/root//var/run/../run/x.sock", "target": "/a/../b/"}

    assert mounts_of(volume) == [
        Mount(
            type="bind",
            source="/run/x.sock",
            source_raw="/proc/1/root/var/run/x.sock",
            target="/b",
            read_only=False,
            origin="volumes",
            path=V0,
        )
    ]


def test_the_engine_cleans_the_source_of_a_bind_before_the_kernel_sees_it() -> None:
    [mount] = mounts_of({"type": "bind", "source": "/var/run/../lib/docker", "target": "/x"})

    assert mount.source == "/var/lib/docker"


@cases(
    ("kind", "source", "expected"),
    [
        ("bind", "C:\\data", "C:\\data"),
        ("bind", "\\\\.\\pipe\\docker_engine", "\\\\.\\pipe\\docker_engine"),
        ("bind", "//./pipe/docker_engine", "/pipe/docker_engine"),
        ("npipe", "\\\\.\\pipe\\docker_engine", "\\\\.\\pipe\\docker_engine"),
        ("npipe", "//./pipe/docker_engine", "//./pipe/docker_engine"),
    ],
)
def test_paths_and_pipes_of_windows_stay_as_written(kind: str, source: str, expected: str) -> None:
    [mount] = mounts_of({"type": kind, "source": source, "target": "/x", "read_only": True})

    assert (mount.type, mount.source, mount.read_only) == (kind, expected, True)


@cases("kind", ["tmpfs", "cluster", "image"])
def test_other_types_keep_their_source(kind: str) -> None:
    [mount] = mounts_of({"type": kind, "source": "a/b", "target": "/x"})

    assert (mount.type, mount.source, mount.origin) == (kind, "a/b", "volumes")


def test_an_anonymous_volume_has_no_source() -> None:
    [mount] = mounts_of({"type": "volume", "target": "/x"})

    assert (mount.type, mount.source, mount.volume) == ("volume", "", "")


# --- named volumes --------------------------------------------------------------------------------


@cases(
    "definition",
    [
        {},
        {"driver": "local"},
        {"driver": "vendor/sshfs", "driver_opts": {"device": "/dev", "o": "bind"}},
        {"external": True},
        {"driver_opts": {"type": "none"}},
        {"driver_opts": {"o": "bind"}},
        {"driver_opts": {"type": "overlay", "o": "workdir=/w"}},
    ],
)
def test_a_volume_that_mounts_nothing_of_the_host_is_a_volume(definition: dict[str, Any]) -> None:
    [mount] = mounts_of(
        {"type": "volume", "source": "data", "target": "/data", "read_only": True},
        {"data": {"name": "p_data"} | definition},
    )

    assert mount == Mount(
        type="volume",
        source="p_data",
        source_raw="p_data",
        target="/data",
        read_only=True,
        origin="volumes",
        path=V0,
        volume="data",
    )


@cases(
    ("options", "source", "read_only"),
    [
        ({"type": "none", "o": "bind", "device": "/dev"}, "/dev", False),
        ({"o": "rbind", "device": "/dev"}, "/dev", False),
        ({"type": "ext4", "o": "noatime,bind,ro", "device": "/srv"}, "/srv", True),
        ({"o": "bind,ro,rw", "device": "/srv"}, "/srv", False),
        ({"o": "bind,rw,ro", "device": "/srv"}, "/srv", True),
        ({"o": "bind, ro", "device": "/srv"}, "/srv", False),
        ({"type": "none", "device": "/srv"}, "/srv", False),
        ({"type": "bind", "device": "/srv"}, "/srv", False),
        ({"type": "", "device": "/srv"}, "/srv", False),
        ({"device": "/srv"}, "/srv", False),
        ({"o": "bind", "device": "dev/../dev"}, "/dev", False),
        ({"o": "bind", "device": "/var/run/../dev"}, "/dev", False),
        ({"type": "devtmpfs", "device": "x"}, "/dev", False),
        ({"type": "proc", "device": "proc", "o": "ro"}, "/proc", True),
        ({"type": "sysfs", "device": "sysfs"}, "/sys", False),
        ({"type": "debugfs", "device": "none"}, "/sys/kernel/debug", False),
        ({"type": "cgroup2", "device": "none"}, "/sys/fs/cgroup", False),
        ({"type": "binfmt_misc", "device": "x"}, "/proc/sys/fs/binfmt_misc", False),
        ({"type": "efivarfs", "device": "x"}, "/sys/firmware/efi/efivars", False),
        ({"type": "nfsd", "device": "x"}, "/proc/fs/nfsd", False),
        ({"type": "xenfs", "device": "x", "o": "ro"}, "/proc/xen", True),
        ({"type": "shiftfs", "o": "mark", "device": "/"}, "/", False),
        ({"type": "ecryptfs", "o": "ecryptfs_passthrough", "device": "/etc"}, "/etc", False),
    ],
)
def test_options_of_the_local_driver_make_a_bind(
    options: dict[str, str], source: str, read_only: bool
) -> None:
    assert named(options) == [("bind", source, read_only, "driver_opts", "")]


def test_a_volume_mounted_read_only_is_read_only_whatever_its_options_say() -> None:
    assert named({"o": "bind,rw", "device": "/srv"}, read_only=True) == [
        ("bind", "/srv", True, "driver_opts", "")
    ]


@cases(
    ("options", "subpath", "source"),
    [
        ({"o": "bind", "device": "/var"}, "run/docker.sock", "/run/docker.sock"),
        ({"o": "bind", "device": "/"}, "dev", "/dev"),
        ({"o": "bind", "device": "/srv/x"}, "../../dev", "/srv/x/dev"),
        ({"type": "devtmpfs", "device": "x"}, "nvidia0", "/dev/nvidia0"),
    ],
)
def test_a_subpath_lies_below_what_the_volume_mounts(
    options: dict[str, str], subpath: str, source: str
) -> None:
    [found] = named(options, volume={"subpath": subpath})

    assert found[:2] == ("bind", source)


def test_an_overlay_shows_its_layers() -> None:
    option = "lowerdir=/:/srv/a\\:b::/de\\v,upperdir=/var/lib/docker,workdir=/w,lowerdir+=/etc"

    assert named({"type": "overlay", "device": "overlay", "o": option}) == [
        ("bind", "/", True, "driver_opts", ""),
        ("bind", "/srv/a:b", True, "driver_opts", ""),
        ("bind", "/dev", True, "driver_opts", ""),
        ("bind", "/var/lib/docker", False, "driver_opts", ""),
        ("bind", "/etc", True, "driver_opts", ""),
    ]


@cases(
    ("options", "source"),
    [
        ({"type": "ext4", "device": "/dev/../dev/sda1"}, "/dev/sda1"),
        ({"type": "ext4", "device": "dev/sda1"}, "/dev/sda1"),
        (
            {"type": "xfs", "device": "dev/disk/by-path/pci-0000:00:1f"},
            "/dev/disk/by-path/pci-0000:00:1f",
        ),
        ({"type": "nfs", "device": ":/dev/sda1"}, ":/dev/sda1"),
        ({"type": "cifs", "device": "//host/share"}, "//host/share"),
        ({"type": "tmpfs", "device": "tmpfs"}, "tmpfs"),
        ({"type": "ext4"}, ""),
    ],
)
def test_any_other_filesystem_is_mounted_from_its_device(
    options: dict[str, str], source: str
) -> None:
    assert named(options) == [("filesystem", source, False, "driver_opts", options["type"])]


def test_a_volume_whose_name_is_a_path_is_a_bind_for_the_engine() -> None:
    assert named({}, definition={"name": "/dev", "external": True}) == [
        ("bind", "/dev", False, "volumes", "")
    ]


# --- secrets and configs --------------------------------------------------------------------------


@cases(
    ("source", "recursive", "read_only"),
    [
        ("/sys", "writable", False),
        ("/proc/1/root/sys/fs/", "writable", False),
        ("/sys", "readonly", True),
        ("/sys", "enabled", True),
        ("/sys/class", "writable", True),
        ("/etc", "writable", True),
    ],
)
def test_read_only_does_not_cover_the_mounts_of_the_kernel_below_if_it_is_told_so(
    source: str, recursive: str, read_only: bool
) -> None:
    volume = {"type": "bind", "source": source, "target": "/x", "read_only": True}

    [mount] = mounts_of(volume | {"bind": {"recursive": recursive}})

    assert mount.read_only == read_only


def test_read_only_option_does_not_cover_what_a_recursive_bind_brings() -> None:
    options = {"o": "rbind,ro", "device": "/sys"}

    assert [found[2] for found in named(options)] == [False]
    assert [found[2] for found in named(options, read_only=True)] == [True]
    assert [found[2] for found in named(options | {"device": "/srv"})] == [True]


def test_files_of_secrets_and_configs_are_read_only_binds() -> None:
    tree = {
        "services": {
            "app": {
                "secrets": [
                    {"source": "key", "target": "/run/secrets/key"},
                    {"source": "key", "target": "sub/../name"},
                    {"source": "key"},
                    {"source": "word"},
                    {"source": "none"},
                ],
                "configs": [
                    {"source": "conf"},
                    {"source": "conf", "target": "etc/app.conf"},
                    {"source": "conf", "target": "/x/../y"},
                ],
            }
        },
        "secrets": {
            "key": {"name": "p_key", "file": "/etc//shadow"},
            "word": {"name": "p_word", "environment": "WORD"},
            "unused": {"name": "p_unused", "file": "/dev/sda"},
        },
        "configs": {"conf": {"name": "p_conf", "file": "/var/run/docker.sock"}},
    }

    found = mounts_by_container(tree)[("services", "app")]

    assert [(each.origin, each.path[-1], each.source, each.target) for each in found] == [
        ("secrets", 0, "/etc/shadow", "/run/secrets/key"),
        ("secrets", 1, "/etc/shadow", "/run/secrets/name"),
        ("secrets", 2, "/etc/shadow", "/run/secrets/key"),
        ("configs", 0, "/run/docker.sock", "/conf"),
        ("configs", 1, "/run/docker.sock", "/etc/app.conf"),
        ("configs", 2, "/run/docker.sock", "/y"),
    ]
    assert {(each.type, each.read_only) for each in found} == {("bind", True)}
    assert found[0].source_raw == "/etc/shadow"
    assert found[3].source_raw == "/var/run/docker.sock"


# --- volumes_from ---------------------------------------------------------------------------------


def bind(source: str, read_only: bool = False) -> dict[str, Any]:
    return {"type": "bind", "source": source, "target": source, "read_only": read_only}


def inherited(tree: dict[str, Any], name: str) -> list[tuple[str, Any, bool]]:
    found = mounts_by_container(tree)[("services", name)]
    return [
        (each.source, each.path[3], each.read_only)
        for each in found
        if each.origin == "volumes_from" and each.path[:3] == ("services", name, "volumes_from")
    ]


def test_mounts_of_other_services_are_taken_over_at_any_distance() -> None:
    tree = {
        "services": {
            "a": {
                "volumes": [bind("/own")],
                "volumes_from": ["b:ro", "d", "container:x:ro", "gone"],
            },
            "b": {"volumes": [bind("/b")], "volumes_from": ["c"]},
            "c": {"volumes": [bind("/c", read_only=True)]},
            "d": {"volumes": [bind("/d")], "volumes_from": ["c", "b"]},
        }
    }

    assert inherited(tree, "a") == [("/b", 0, False), ("/c", 0, True), ("/d", 1, False)]
    assert inherited(tree, "d") == [("/c", 0, True), ("/b", 1, False)]
    assert inherited(tree, "c") == []
    assert mounts_by_container(tree)[("services", "a")][0].origin == "volumes"


def test_services_that_name_each_other_or_themselves_come_to_an_end() -> None:
    tree = {
        "services": {
            "a": {"volumes": [bind("/a")], "volumes_from": ["a", "b"]},
            "b": {"volumes": [bind("/b")], "volumes_from": ["a"]},
        }
    }

    assert inherited(tree, "a") == [("/b", 1, False)]
    assert inherited(tree, "b") == [("/a", 0, False)]


def test_the_api_socket_of_a_service_is_taken_over_too() -> None:
    tree = {
        "services": {
            "a": {"volumes_from": ["b"]},
            "b": {"use_api_socket": True},
            "container": {"volumes": [bind("/named-like-the-word")]},
        }
    }

    assert inherited(tree, "a") == [("/run/docker.sock", 0, False)]
    assert mounts_by_container(tree)[("services", "b")] == ()


def test_a_service_called_container_is_not_meant_by_a_reference_to_a_container() -> None:
    tree = {
        "services": {
            "a": {"volumes_from": ["container:x"]},
            "container": {"volumes": [bind("/x")]},
        }
    }

    assert inherited(tree, "a") == []


def test_mounts_that_multiply_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = {"volumes": [bind(f"/{number}") for number in range(10)]}
    services = {f"s{number}": {"volumes_from": ["hub"]} for number in range(10)}
    tree = {"services": {"hub": hub, **services}}

    monkeypatch.setattr(module, "MAX_INHERITED", 110)
    assert len(mounts_by_container(tree)[("services", "s9")]) == 10
    monkeypatch.setattr(module, "MAX_INHERITED", 109)
    with pytest.raises(ComposeError, match="containers take over more than 109 mounts"):
        mounts_by_container(tree)


def test_jobs_and_services_take_mounts_from_each_other() -> None:
    tree = {
        "services": {"web": {"volumes": [bind("/web")], "volumes_from": ["nightly"]}},
        "jobs": {"nightly": {"volumes": [bind("/job")], "volumes_from": ["web:ro"]}},
    }

    found = mounts_by_container(tree)

    assert [(m.source, m.path) for m in found[("services", "web")]] == [
        ("/web", ("services", "web", "volumes", 0)),
        ("/job", ("services", "web", "volumes_from", 0)),
    ]
    assert [(m.source, m.path) for m in found[("jobs", "nightly")]] == [
        ("/job", ("jobs", "nightly", "volumes", 0)),
        ("/web", ("jobs", "nightly", "volumes_from", 0)),
    ]


def test_a_hook_has_its_own_mounts_and_those_of_its_volumes_from() -> None:
    hook = {"volumes": [bind("/hook")], "volumes_from": ["db"]}
    tree = {
        "services": {
            "db": {"volumes": [bind("/db")]},
            "web": {"volumes": [bind("/web")], "pre_start": [{}, hook]},
        }
    }

    found = mounts_by_container(tree)

    assert found[("services", "web", "pre_start", 0)] == ()
    assert [(m.source, m.path[4:]) for m in found[("services", "web", "pre_start", 1)]] == [
        ("/hook", ("volumes", 0)),
        ("/db", ("volumes_from", 0)),
    ]
