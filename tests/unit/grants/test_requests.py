from __future__ import annotations

from policyd.grants.requests import selects, vendor_of
from tests.support.cases import cases
from tests.support.granting import (
    MIG_HOST,
    Summary,
    build,
    device,
    grants,
    request,
    service,
    summaries,
    tables,
)


@cases(
    ("fields", "devices"),
    [
        ({"device_ids": ("1,0", "1")}, ("0", "1", "1")),
        ({"device_ids": ("ALL",)}, "all"),
        ({"device_ids": ("void",), "count": 2}, None),
        ({"count": -7}, "all"),
        ({"count": 2}, (("count", 2),)),
        ({"count": 0}, None),
    ],
)
def test_request_selects_ids_a_count_or_all(fields: dict[str, object], devices: object) -> None:
    found = summaries(service(device_requests=(request(**fields),)))

    assert found == ({("reservation", "nvidia", devices)} if devices else set())
    assert selects(request(**fields), tables()) is bool(devices)


def test_request_is_declared_at_its_ids_or_at_its_count() -> None:
    by_ids, by_count = grants(
        service(device_requests=(request(device_ids=("GPU-AA", "01")), request(count=2))),
        known=MIG_HOST,
    )

    assert by_ids.path[-1] == "device_ids"
    assert by_ids.text == "device_ids: GPU-AA, 01"
    assert by_ids.devices == ("GPU-AA", "01")
    assert by_ids.identities == ("0", "1")
    assert by_count.path[-1] == "count"
    assert by_count.text == "count: 2"
    assert by_count.identities == ("0", "1")


def test_text_of_every_device_is_count_all() -> None:
    (found,) = grants(service(device_requests=(request(source="gpus", count=-1),)))

    assert (found.method, found.text, found.identities) == ("gpus", "count: all", ())


@cases(
    ("driver", "capabilities", "vendor"),
    [
        ("nvidia.cdi", (), "nvidia"),
        ("amd", ("gpu",), "amd"),
        ("NVIDIA", ("nvidia",), "unknown"),
        ("", ("gpu",), "unknown"),
        ("", ("gpu", "compute", "amd"), "nvidia"),
        ("", ("amd",), "amd"),
    ],
)
def test_vendor_is_that_of_the_driver_or_of_the_capabilities(
    driver: str, capabilities: tuple[str, ...], vendor: str
) -> None:
    assert vendor_of(request(driver=driver, capabilities=capabilities), tables()) == vendor


@cases(
    ("driver", "ids", "expected"),
    [
        ("nvidia", ("amd.com/gpu=all",), {("reservation", "amd", "all")}),
        ("amd", ("nvidia.com/gpu=0",), {("reservation", "nvidia", ("nvidia.com/gpu=0",))}),
        (
            "nvidia",
            ("0,amd.com/gpu=1", "nvidia.com/gpu=2"),
            {
                ("reservation", "amd", ("amd.com/gpu=1",)),
                ("reservation", "nvidia", ("0", "nvidia.com/gpu=2")),
            },
        ),
        (
            "nvidia",
            ("acme.example/disk=a",),
            {("reservation", "unknown", ("acme.example/disk=a",))},
        ),
        ("", ("amd.com/gpu=0",), {("reservation", "amd", ("amd.com/gpu=0",))}),
    ],
)
def test_a_cdi_name_counts_for_its_vendor_whatever_the_driver(
    driver: str, ids: tuple[str, ...], expected: set[Summary]
) -> None:
    asked = request(driver=driver, capabilities=("gpu",), device_ids=ids)

    assert summaries(service(device_requests=(asked,))) == expected


def test_amd_request_is_read_by_the_rule_of_amd() -> None:
    found = summaries(service(device_requests=(request(driver="amd", device_ids=("0-2", "none")),)))

    assert found == {("reservation", "amd", ("0", "1", "2"))}


def test_cdi_names_in_annotations_of_the_gpu_operator_are_found() -> None:
    annotations = {"nvidia.cdi.k8s.io/x": "nvidia.com/gpu=all", "x.cdi.k8s.io/x": "a.b/c=0"}

    (found,) = grants(service(annotations=annotations))

    assert (found.method, found.devices, found.form) == ("cdi", "all", "annotations")
    assert found.path == ("services", "app", "annotations", "nvidia.cdi.k8s.io/x")


def test_cdi_names_are_found_in_devices_annotations_and_requests() -> None:
    workload = service(
        devices=(device("nvidia.com/gpu=1"), device("/dev/fuse")),
        annotations={
            "cdi.k8s.io/x": "nvidia.com/gpu=all, acme.example/npu=0, not a name",
            "other/x": "nvidia.com/gpu=5",
        },
        device_requests=(request(driver="cdi", device_ids=("x.amd.com/gpu=0",)),),
    )

    found = [
        (one.form, one.vendor, one.devices, one.identities, one.text) for one in grants(workload)
    ]

    assert found == [
        ("devices", "nvidia", ("nvidia.com/gpu=1",), ("1",), "devices: nvidia.com/gpu=1"),
        ("annotations", "nvidia", "all", (), "cdi.k8s.io/x: nvidia.com/gpu=all"),
        (
            "annotations",
            "unknown",
            ("acme.example/npu=0",),
            ("acme.example/npu=0",),
            "cdi.k8s.io/x: acme.example/npu=0",
        ),
        ("device_ids", "amd", ("x.amd.com/gpu=0",), ("0",), "device_ids: x.amd.com/gpu=0"),
    ]


def test_request_of_cdi_without_names_selects_nothing() -> None:
    empty = request(driver="cdi", device_ids=("0",), count=1)

    assert summaries(service(device_requests=(empty,))) == set()
    assert selects(empty, tables()) is False
    assert selects(request(driver="cdi", device_ids=("nvidia.com/gpu=0",)), tables()) is True
    assert summaries(service(build=build())) == set()
