"""Selections on a host whose inventory has the settings of the NVIDIA Container Toolkit."""

from __future__ import annotations

from typing import Any

from policyd.inventory.hosts import Host, Toolkit
from policyd.workloads.model import Inherited, Workload
from tests.support.cases import cases
from tests.support.granting import bind, build, grants, hook, host, request, service, summaries

ALL = {"NVIDIA_VISIBLE_DEVICES": "all"}
REQUEST = bind("/dev/null", "/var/run/nvidia-container-devices/0")
VERSION = "1.18.0"


def on(**settings: Any) -> Host:
    """Return a host whose default runtime is nvidia, with `settings` of its toolkit."""
    return host(default_runtime="nvidia", toolkit=Toolkit(version=VERSION, **settings))


STRICT = on(environment_when_unprivileged=False)

SELECTIONS: dict[str, tuple[Workload, tuple[str, str, Any]]] = {
    "variable": (service(environment=ALL), ("environment", "nvidia", "all")),
    "one GPU": (
        service(environment={"NVIDIA_VISIBLE_DEVICES": "1"}),
        ("environment", "nvidia", ("1",)),
    ),
    "dockerfile": (service(build=build(environment=ALL)), ("environment", "nvidia", "all")),
    "legacy image": (
        service(environment={"CUDA_VERSION": "12.4"}),
        ("environment", "nvidia", "all"),
    ),
    "image": (service(image="nvidia/cuda:12.4.1-base"), ("image", "nvidia", "all")),
    "runtime": (service(runtime="nvidia"), ("runtime", "nvidia", "all")),
    "runtime and variable": (
        service(runtime="nvidia", environment={"NVIDIA_VISIBLE_DEVICES": "0,1"}),
        ("runtime", "nvidia", ("0", "1")),
    ),
}


@cases("way", SELECTIONS)
def test_environment_of_an_unprivileged_container_selects_where_the_toolkit_accepts_it(
    way: str,
) -> None:
    workload, grant = SELECTIONS[way]

    assert summaries(workload, known=on()) == {grant}
    assert summaries(workload, known=STRICT) == set()
    assert grant in summaries(workload, known=host(default_runtime="nvidia"))


@cases(
    "privileges",
    [{"privileged": True}, {"cap_add": ("CAP_SYS_ADMIN",)}, {"cap_add": ("all",)}],
)
def test_environment_of_a_privileged_container_always_selects(privileges: dict[str, Any]) -> None:
    found = summaries(service(environment=ALL, **privileges), known=STRICT)

    assert ("environment", "nvidia", "all") in found


def test_other_capabilities_do_not_make_a_container_privileged() -> None:
    assert summaries(service(environment=ALL, cap_add=("SYS_PTRACE",)), known=STRICT) == set()


def test_hook_is_as_privileged_as_its_service() -> None:
    owner = service(privileged=True)
    mine = hook(Inherited(privileged=True), environment=ALL)

    assert ("environment", "nvidia", "all") in summaries(owner, mine, known=STRICT)
    assert summaries(service(), hook(environment=ALL), known=STRICT) == set()


def test_requests_and_other_vendors_do_not_depend_on_the_environment_setting() -> None:
    workload = service(
        device_requests=(request(device_ids=("0",)),), environment={"AMD_VISIBLE_DEVICES": "1"}
    )

    assert summaries(workload, known=STRICT) == {
        ("reservation", "nvidia", ("0",)),
        ("environment", "amd", ("1",)),
    }


def test_certainty_still_depends_on_the_default_runtime() -> None:
    accepting = Toolkit(version=VERSION)
    workload = service(environment=ALL)

    certain = grants(workload, known=host(default_runtime="nvidia", toolkit=accepting))
    uncertain = grants(workload, known=host(default_runtime="runc", toolkit=accepting))

    assert [grant.certainty for grant in certain] == ["certain"]
    assert [grant.certainty for grant in uncertain] == ["default-runtime"]


def test_volume_request_selects_only_where_the_toolkit_accepts_it() -> None:
    workload = service(mounts=(REQUEST,))
    grant = ("mount", "nvidia", ("0",))

    assert summaries(workload, known=on(volume_mounts=True)) == {grant}
    assert summaries(workload, known=on()) == set()
    assert summaries(workload, known=host()) == {grant}
    assert summaries(workload) == {grant}


def test_volume_request_of_an_unprivileged_container_selects_without_its_environment() -> None:
    workload = service(mounts=(REQUEST,), environment=ALL)
    known = on(environment_when_unprivileged=False, volume_mounts=True)

    assert summaries(workload, known=known) == {("mount", "nvidia", ("0",))}


SWARM = on(swarm_resource="DOCKER_RESOURCE_GPU, TEAM_GPUS")


@cases(
    ("environment", "devices"),
    [
        ({"DOCKER_RESOURCE_GPU": "3"}, ("3",)),
        ({"TEAM_GPUS": "2"}, ("2",)),
        ({"TEAM_GPUS": "2", "DOCKER_RESOURCE_GPU": "3"}, ("2", "3")),
        ({"TEAM_GPUS": "2", **ALL}, ("2",)),
        ({"TEAM_GPUS": None, **ALL}, "all"),
        (ALL, "all"),
    ],
)
@cases("runtime", ["", "nvidia"])
def test_variables_of_the_swarm_resource_replace_the_usual_one(
    environment: dict[str, str | None], devices: Any, runtime: str
) -> None:
    workload = service(environment=environment, runtime=runtime)

    merged = {one.devices for one in grants(workload, known=SWARM)}
    names = {one.method for one in grants(workload, known=SWARM)}

    assert names == {"runtime" if runtime else "environment"}
    if devices == "all":
        assert merged == {"all"}
    else:
        assert {gpu for ids in merged for gpu in ids} == set(devices)


def test_variable_of_a_swarm_resource_that_the_toolkit_does_not_read_selects_nothing() -> None:
    workload = service(environment={"DOCKER_RESOURCE_GPU": "3"})

    assert summaries(workload, known=on()) == set()
    assert summaries(workload, known=on(swarm_resource="TEAM_GPUS")) == set()
    assert summaries(workload, known=host()) == {("environment", "nvidia", ("3",))}


def test_variable_of_the_swarm_resource_keeps_the_image_from_selecting() -> None:
    image = "nvidia/cuda:12.4.1-base"
    workload = service(image=image, environment={"TEAM_GPUS": "void"})

    assert summaries(workload, known=SWARM) == set()
    assert summaries(workload, known=on()) == {("image", "nvidia", "all")}
