from __future__ import annotations

from policyd.workloads.model import Build, GenericResource, RunFlag
from tests.support.cases import cases
from tests.support.granting import build, grants, hook, service, summaries


def test_privileges_are_everything() -> None:
    assert [(one.method, one.path) for one in grants(service(privileged=True))] == [
        ("privileged", ("services", "app", "privileged"))
    ]
    assert [one.path for one in grants(service(), hook(privileged=True))] == [
        ("services", "app", "pre_start", 0, "privileged")
    ]


@cases(
    ("section", "vendor", "devices"),
    [
        (build(privileged=True), "unknown", "all"),
        (build(entitlements=("security.insecure",)), "unknown", "all"),
        (build(entitlements=("device",)), "unknown", "all"),
        (build(entitlements=("device=x",)), "unknown", "all"),
        (build(run_flags=(RunFlag("security", "insecure"),)), "unknown", "all"),
        (
            build(run_flags=(RunFlag("device", "nvidia.com/gpu=0"),)),
            "nvidia",
            ("nvidia.com/gpu=0",),
        ),
        (build(run_flags=(RunFlag("device", "amd.com/gpu"),)), "amd", ("amd.com/gpu",)),
        (build(run_flags=(RunFlag("device", "name=amd.com/gpu=*,required"),)), "amd", "all"),
        (
            build(run_flags=(RunFlag("device", "acme.example/npu=1"),)),
            "unknown",
            ("acme.example/npu=1",),
        ),
    ],
)
def test_builds_are_grants_by_their_privileges_and_devices(
    section: Build, vendor: str, devices: object
) -> None:
    assert summaries(service(build=section)) == {("build", vendor, devices)}


@cases(
    "section",
    [
        build(entitlements=("network.host", "devices")),
        build(run_flags=(RunFlag("security", "sandbox"), RunFlag("mount", "type=cache"))),
        build(run_flags=(RunFlag("device", "x"), RunFlag("device", ""))),
    ],
)
def test_other_builds_are_none(section: Build) -> None:
    assert grants(service(build=section)) == ()


@cases(
    ("kind", "vendor"),
    [("gpu", "unknown"), ("NVIDIA-GPU", "nvidia"), ("tpu", "google"), ("my_npu", "unknown"),
     ("Gaudi", "intel"), ("amd gpu", "amd")],
)  # fmt: skip
def test_generic_resources_have_the_vendor_of_their_kind(kind: str, vendor: str) -> None:
    resource = GenericResource(kind, 2, ("services", "app", "x"))

    (found,) = grants(service(generic_resources=(resource,)))

    assert (found.vendor, found.devices, found.identities) == (vendor, {"count": 2}, ())
    assert found.text == f"{kind}: 2"


def test_other_kinds_and_no_value_are_none() -> None:
    none = GenericResource("gpu", 0, ())
    other = GenericResource("SSD-gpus", 1, ())

    assert grants(service(generic_resources=(none, other))) == ()
