from __future__ import annotations

import pytest

from policyd.grants.identity import (
    DeviceNames,
    first,
    normal_form,
    normal_forms,
    searched_names,
)
from tests.support.granting import MIG_HOST

DOMAINS = {"nvidia.com": "nvidia", "amd.com": "amd"}


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("0", "0"),
        ("+007", "7"),
        ("GPU-AbC", "gpu-abc"),
        ("mig-AbC", "mig-abc"),
        ("MIG-GPU-A/1/0", "mig-gpu-a/1/0"),
        ("0XAB", "0xab"),
        ("0000:3b:0.0", "00000000:3b:00.0"),
        ("00000000:3B:00.0", "00000000:3b:00.0"),
        ("3b:00.0", "3b:00.0"),
        ("01:02", "1:2"),
        ("nvidia.com/gpu=01", "1"),
        ("nvidia.com/gpu=GPU-A", "gpu-a"),
        ("amd.com/gpu=0", "amd.com/gpu=0"),
        ("all", "all"),
        ("-1", "-1"),
    ],
)
def test_forms_of_one_id_are_one(written: str, form: str) -> None:
    assert normal_form(written, "nvidia", DOMAINS) == form


def test_cdi_names_of_unknown_vendors_stay_whole() -> None:
    assert normal_form("acme.example/npu=0", "unknown", DOMAINS) == "acme.example/npu=0"


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("0", "0"),
        ("00", "0"),
        ("gpu0", "0"),
        ("GPU0", "GPU0"),
        ("GPU-aa", "0"),
        ("0000:18:00.0", "0"),
        ("nvidia.com/gpu=GPU-AA", "0"),
        ("1:0", "mig-b0"),
        ("mig1:0", "mig-b0"),
        ("MIG-b0", "mig-b0"),
        ("1", "1"),
        ("2", "2"),
        ("1:1", "1:1"),
    ],
)
def test_names_of_one_device_are_one_on_a_known_host(written: str, form: str) -> None:
    assert normal_form(written, "nvidia", DOMAINS, DeviceNames(MIG_HOST)) == form


def test_inventory_says_nothing_of_other_vendors() -> None:
    assert normal_form("GPU-AA", "amd", DOMAINS, DeviceNames(MIG_HOST)) == "gpu-aa"


def test_order_and_repetitions_stay() -> None:
    assert normal_forms(("1", "00", "0"), "amd", DOMAINS) == ("1", "0", "0")


def test_count_is_the_first_devices() -> None:
    assert first(3) == ("0", "1", "2")
    assert len(first(10**18)) == 129


def test_a_host_knows_all_names_of_its_devices() -> None:
    names = DeviceNames(MIG_HOST)

    assert names.aliases("0") == ("00000000:18:00.0", "gpu-aa", "gpu0")
    assert names.aliases("mig-b0") == ("1:0", "mig1:0")
    assert names.aliases("7") == ()
    assert DeviceNames().aliases("0") == ()


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("03", ("3",)),
        ("GPU-AbC", ("gpu-abc",)),
        ("nvidia.com/gpu=03", ("nvidia.com/gpu=03", "3")),
        ("/dev/nvidia0", ("/dev/nvidia0",)),
        ("", ("",)),
    ],
)
def test_a_search_looks_for_every_form_of_a_name(written: str, names: tuple[str, ...]) -> None:
    assert searched_names(written) == names
