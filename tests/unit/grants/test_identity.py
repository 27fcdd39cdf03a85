from __future__ import annotations

import json
import random

import msgspec
import pytest

from policyd.engines.embedded import interpreter
from policyd.grants.identity import (
    DeviceNames,
    first,
    normal_form,
    normal_forms,
    searched_names,
)
from policyd.grants.tables import read_tables
from policyd.policies.packs import built_in, read_data
from tests.support.cases import cases
from tests.support.granting import MIG_HOST

DOMAINS = {"nvidia.com": "nvidia", "amd.com": "amd"}


@cases(
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


@cases(
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


@cases(
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


# policyd.lib.hosts.identity is for rules that compare ids in data of their own with GPUs.

_HOSTS = {"": None, "gpu-01": MIG_HOST}
_VENDORS = ("nvidia", "amd", "intel", "unknown")


def _ids(number: int) -> list[str]:
    """Return random ids: parts of ids, digits in several spellings, names of other vendors."""
    source = random.Random(12)
    parts = (
        *("GPU-AA", "gpu-bb", "MIG-B0", "mig-gpu-x/1/0", "0xAF", "0XAF", "gpu0", "GPU1", "mig1:0"),
        *("0", "00", "+1", "1:0", "01:00", "0000:18:0.0", "00000000:18:00.0", "18:00.0", "a", ":"),
        *(
            "nvidia.com/gpu=",
            "amd.com/gpu=",
            "intel.com/x=",
            "sub.nvidia.com/gpu=",
            "all",
            "-",
            ".",
        ),
    )
    return [
        "".join(source.choices(parts, k=source.choices((1, 2, 3), (6, 3, 1))[0]))
        for _ in range(number)
    ]


@pytest.mark.thorough
@cases("host", _HOSTS)
def test_library_of_policies_gives_devices_the_same_identity(host: str) -> None:
    known, ids = _HOSTS[host], sorted(set(_ids(3000)))
    data = read_data(built_in() / "data.yaml")
    data["policyd"]["inventory"]["hosts"] = {host: msgspec.to_builtins(known)} if known else {}
    domains = read_tables(data).data.cdi_vendors
    modules = {
        "hosts.rego": (built_in() / "lib" / "hosts.rego").read_text(),
        "test.rego": "package test\n"
        "found := {vendor: ids |\n\tsome vendor in input.vendors\n"
        "\tids := {id: data.policyd.lib.hosts.identity(vendor, id) | some id in input.ids}\n}\n",
    }
    engine = interpreter(modules, data)
    asked = {"review": {"source": {"host": host}}, "vendors": _VENDORS, "ids": ids}
    engine.set_input_json(json.dumps(asked))

    found = json.loads(engine.eval_rule_as_json("data.test.found"))

    names = DeviceNames(known)
    differing = {
        (vendor, one, found[vendor][one], form)
        for vendor in _VENDORS
        for one in ids
        if found[vendor][one] != (form := normal_form(one, vendor, domains, names))
    }
    assert differing == set()
