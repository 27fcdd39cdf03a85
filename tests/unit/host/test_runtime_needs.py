"""The accelerators that a container would get, and which of them its grants cover."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from policyd.host.device_numbers import DeviceNumbers
from policyd.host.runtime_needs import accelerator, covered, needs
from policyd.host.runtime_spec import read_spec, requested
from policyd.model import Grant
from tests.support.oci_configs import ID, LEGACY_HOOK, device, encoded


def grant(devices: Any, method: str = "gpus", vendor: str = "nvidia", **more: Any) -> Grant:
    identities = devices if isinstance(devices, tuple) else more.pop("identities", ())
    return Grant("train", vendor, method, devices, 1, (), identities=identities, **more)


def found(*asked: Grant, named: str = "", **changes: Any) -> list[tuple[str, Any]]:
    """Return vendor and devices of what is needed besides `asked`; `named` is a path."""
    numbers = DeviceNumbers(Path("/none"), Path("/none"))
    spec = read_spec(encoded(**changes), ID, numbers)
    by_path = requested(spec, {"devices": [{"target": named}]})
    return [(one.vendor, one.devices) for one in needs(spec, by_path, asked, "train")]


GPU = device("/dev/x", 195, 0)
CONTROL = device("/dev/nvidiactl", 195, 255)


def test_a_device_that_nothing_asked_for_is_needed() -> None:
    assert found() == []
    assert found(devices=[GPU]) == [("nvidia", ("0",))]
    assert found(devices=[device("/dev/r", 226, 128)]) == [("unknown", ("/dev/dri/renderD128",))]


def test_what_the_engine_adds_for_a_request_is_part_of_the_request() -> None:
    assert found(grant(("0",)), devices=[GPU, CONTROL]) == []
    assert found(grant(("0",), vendor="amd"), devices=[GPU]) == [("nvidia", ("0",))]


def test_a_device_by_path_is_needed_on_its_own() -> None:
    assert found(grant(("1",)), devices=[GPU], named="/dev/x") == [("nvidia", ("0",))]


@pytest.mark.parametrize(
    ("value", "needed"),
    [
        ("all", [("nvidia", "all")]),
        ("0,GPU-1", [("nvidia", ("0", "GPU-1"))]),
        ("void", []),
        ("none", []),
        ("", []),
    ],
)
def test_a_variable_counts_where_a_hook_reads_it(value: str, needed: list[Any]) -> None:
    variable = [f"NVIDIA_VISIBLE_DEVICES={value}"]

    assert found(env=variable, hooks=LEGACY_HOOK) == needed
    assert found(env=variable) == []


@pytest.mark.parametrize(
    ("node", "vendor"),
    [
        ("/dev/nvidia3", "nvidia"),
        ("/dev/nvidia-uvm", "nvidia"),
        ("/dev/nvidia-caps/nvidia-cap1", "nvidia"),
        ("/dev/kfd", "amd"),
        ("/dev/accel/accel0", "unknown"),
    ],
)
def test_accelerators_are_known_by_their_nodes(node: str, vendor: str) -> None:
    one = accelerator(node)

    assert one is not None
    assert one.vendor == vendor
    assert accelerator("/dev/fuse") is None


def need(devices: Any, vendor: str = "nvidia", **aliases: tuple[str, ...]) -> Grant:
    return grant(devices, "runtime", vendor, aliases=aliases)


@pytest.mark.parametrize(
    ("needed", "held", "expected"),
    [
        (need(("0",)), [grant(("0",))], True),
        (need(("0",)), [grant(("1",))], False),
        (need(("0",)), [grant({"count": 1}, identities=("0",))], True),
        (need(("1",)), [grant({"count": 1}, identities=("0",))], False),
        (need(("0",)), [grant("all", "reservation")], True),
        (need("all"), [grant(("0",))], False),
        (need(("0",), **{"0": ("/dev/nvidia0",)}), [grant(("/dev/nvidia0",), "device-node")], True),
        (need(()), [grant(("3",))], True),
        (need(()), [grant(("3",), vendor="amd")], False),
        (need(("/dev/dri/renderD128",), "unknown"), [grant("all", vendor="amd")], True),
        (need(("0",)), [], False),
    ],
)
def test_a_need_is_covered_by_any_way_to_the_same_devices(needed, held, expected: bool) -> None:
    assert covered(needed, held) is expected
