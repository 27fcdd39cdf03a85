from __future__ import annotations

from typing import Any

from policyd.host.folded_json import Fields
from policyd.host.request_mounts import Mounts
from tests.support.cases import cases

BIND = {"type": "none", "o": "bind", "device": "/dev"}


def read(host: dict[str, Any], body: dict[str, Any] | None = None, **existing: Any) -> Mounts:
    mounts = Mounts(lambda name: existing.get(name, {}))
    mounts.read(Fields(body or {}), Fields(host))
    return mounts


@cases(
    ("bind", "expected"),
    [
        ("/a:/b", {"type": "bind", "source": "/a", "target": "/b", "read_only": False}),
        (
            "/a:/b:ro,rshared",
            {
                "type": "bind",
                "source": "/a",
                "target": "/b",
                "read_only": True,
                "bind": {"propagation": "rshared"},
            },
        ),
        ("v:/b:nocopy", {"type": "volume", "source": "v", "target": "/b", "read_only": False}),
        ("/b", {"type": "volume", "source": "", "target": "/b"}),
    ],
)
def test_a_bind_becomes_a_volume_entry(bind, expected):
    assert read({"Binds": [bind]}).entries == [expected]


@cases(
    ("mount", "expected"),
    [
        (
            {"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": True},
            {"type": "bind", "source": "/a", "target": "/b", "read_only": True},
        ),
        (
            {
                "Type": "bind",
                "Source": "/a",
                "Target": "/b",
                "ReadOnly": True,
                "BindOptions": {"ReadOnlyNonRecursive": True},
            },
            {
                "type": "bind",
                "source": "/a",
                "target": "/b",
                "read_only": True,
                "bind": {"recursive": "writable"},
            },
        ),
        (
            {"Type": "tmpfs", "Target": "/b"},
            {"type": "tmpfs", "source": "", "target": "/b", "read_only": False},
        ),
        (
            {"Type": "volume", "Source": "v", "Target": "/b", "VolumeOptions": {"Subpath": "x"}},
            {
                "type": "volume",
                "source": "v",
                "target": "/b",
                "read_only": False,
                "volume": {"subpath": "x"},
            },
        ),
    ],
)
def test_a_mount_becomes_a_volume_entry(mount, expected):
    assert read({"Mounts": [mount]}).entries == [expected]


def test_the_options_of_a_volume_of_the_request_are_its_definition():
    config = {"DriverConfig": {"Name": "local", "Options": BIND}}
    for source in ("v", ""):
        mount = {"Type": "volume", "Source": source, "Target": "/b", "VolumeOptions": config}
        found = read({"Mounts": [mount]})
        [(key, definition)] = found.volumes.items()

        assert key == (source or "anonymous")
        assert definition == {"name": key, "driver": "local", "driver_opts": BIND}
        assert found.entries[0]["source"] == key


def test_a_volume_with_options_counts_as_a_whole_beside_its_part():
    """Daemons before version 26 ignore the part, and mount the whole."""
    mount = {"Type": "volume", "Source": "v", "Target": "/b", "VolumeOptions": {"Subpath": "x"}}
    plain = {"type": "volume", "source": "v", "target": "/b", "read_only": False}

    for options in ({"driver_opts": BIND}, {"driver_opts": {}}):
        found = read({"Mounts": [mount]}, v=options)
        whole = [plain] if options["driver_opts"] else []
        assert found.entries == [{**plain, "volume": {"subpath": "x"}}, *whole]


def test_both_the_volume_that_exists_and_the_one_that_is_asked_for_count():
    config = {"DriverConfig": {"Name": "local", "Options": {"type": "tmpfs"}}}
    mount = {"Type": "volume", "Source": "v", "Target": "/b", "VolumeOptions": config}

    found = read({"Mounts": [mount]}, v={"driver": "local", "driver_opts": BIND})

    assert [entry["source"] for entry in found.entries] == ["v", "v (2)"]
    assert found.volumes["v"]["driver_opts"] == BIND
    assert found.volumes["v (2)"] == {
        "name": "v",
        "driver": "local",
        "driver_opts": {"type": "tmpfs"},
    }


def test_the_volumes_of_the_container_are_anonymous():
    assert read({}, {"Volumes": {"/data": {}}}).entries == [
        {"type": "volume", "source": "", "target": "/data"}
    ]


def test_the_volume_driver_of_old_requests_counts():
    found = read({"Binds": ["v:/b"], "VolumeDriver": "nfs"})

    assert found.volumes == {"v": {"name": "v", "driver": "nfs", "driver_opts": {}}}


def test_old_daemons_take_the_driver_from_the_top_of_the_request():
    assert read({"Binds": ["v:/b"]}, {"VolumeDriver": "other"}).volumes["v"]["driver"] == "other"
    found = read({"Binds": ["v:/b"], "VolumeDriver": "own"}, {"VolumeDriver": "other"})
    assert found.volumes["v"]["driver"] == "own"
