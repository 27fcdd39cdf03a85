from __future__ import annotations

from policyd.grants.selectors import family_of_variable
from policyd.workloads.model import Inherited, Selector
from tests.support.cases import cases
from tests.support.granting import (
    HOST,
    build,
    grants,
    hook,
    host,
    request,
    resolver,
    service,
    summaries,
    tables,
)

ENVIRONMENT = ("services", "app", "environment")


@cases(
    ("name", "family"),
    [
        ("NVIDIA_VISIBLE_DEVICES", "nvidia"),
        ("HABANA_VISIBLE_DEVICES", "habana"),
        ("IX_VISIBLE_DEVICES", "iluvatar"),
        ("DOCKER_RESOURCE_GPU", "nvidia"),
        ("DOCKER_RESOURCE_NVIDIA_A", "nvidia"),
        ("DOCKER_RESOURCE_AMD_GPU", "amd"),
        ("DOCKER_RESOURCE_COMPUTE", ""),
        ("nvidia_visible_devices", ""),
        ("CUDA_VISIBLE_DEVICES", ""),
        ("ASCEND_RT_VISIBLE_DEVICES", ""),
        ("HABANA_VISIBLE_MODULES", ""),
    ],
)
def test_variable_selects_for_one_family(name: str, family: str) -> None:
    assert family_of_variable(name, tables()) == family


def test_selectors_are_listed_with_their_places() -> None:
    workload = service(
        runtime="nvidia",
        environment={"NVIDIA_VISIBLE_DEVICES": None, "DOCKER_RESOURCE_GPU": "1", "PATH": "/bin"},
        build=build(environment={"AMD_VISIBLE_DEVICES": "0"}),
    )

    (found,) = resolver().resolve([workload])

    dockerfile = ("services", "app", "build", "dockerfile_inline")
    assert found.selectors == (
        Selector("AMD_VISIBLE_DEVICES", "0", "amd", dockerfile),
        Selector("DOCKER_RESOURCE_GPU", "1", "nvidia", (*ENVIRONMENT, "DOCKER_RESOURCE_GPU")),
        Selector(
            "NVIDIA_VISIBLE_DEVICES",
            None,
            "nvidia",
            (*ENVIRONMENT, "NVIDIA_VISIBLE_DEVICES"),
            steers=True,
        ),
    )
    assert found.runtime_class == "nvidia"


@cases(
    ("runtime", "environment", "expected"),
    [
        ("nvidia", {}, {("runtime", "nvidia", "all")}),
        ("nvidia", {"NVIDIA_VISIBLE_DEVICES": None}, {("runtime", "nvidia", "all")}),
        ("nvidia", {"NVIDIA_VISIBLE_DEVICES": "1,0"}, {("runtime", "nvidia", ("0", "1"))}),
        ("nvidia", {"NVIDIA_VISIBLE_DEVICES": "void"}, set()),
        (
            "nvidia",
            {"NVIDIA_VISIBLE_DEVICES": "none", "AMD_VISIBLE_DEVICES": "2"},
            {("environment", "amd", ("2",))},
        ),
        (
            "nvidia",
            {"NVIDIA_VISIBLE_DEVICES": "0", "DOCKER_RESOURCE_GPU": "1"},
            {("runtime", "nvidia", ("0",)), ("environment", "nvidia", ("1",))},
        ),
        ("amd", {"DOCKER_RESOURCE_X": "0-1", "AMD_VISIBLE_DEVICES": "1,2"}, None),
        ("habana", {"HABANA_VISIBLE_DEVICES": "void"}, {("runtime", "intel", "all")}),
        ("ascend", {}, set()),
        ("ascend", {"ASCEND_VISIBLE_DEVICES": "4"}, {("runtime", "unknown", ("4",))}),
        ("mthreads", {}, {("runtime", "unknown", "all")}),
        ("fast-runc", {}, {("runtime", "unknown", "all")}),
        ("runc", {}, set()),
        ("", {}, set()),
    ],
)
def test_runtime_is_steered_by_the_variables_of_its_family(
    runtime: str, environment: dict[str, str | None], expected: set[object] | None
) -> None:
    found = summaries(service(runtime=runtime, environment=environment))

    union = {("runtime", "amd", ("0", "1", "1", "2"))}
    assert found == (union if expected is None else expected)


@cases(
    ("runtime", "environment", "text", "family"),
    [
        ("nvidia", {}, "runtime: nvidia without NVIDIA_VISIBLE_DEVICES", "nvidia"),
        (
            "habana",
            {"HABANA_VISIBLE_DEVICES": "1"},
            "runtime: habana, HABANA_VISIBLE_DEVICES=1",
            "habana",
        ),
        ("fast", {}, "runtime: fast", ""),
    ],
)
def test_runtime_is_declared_at_the_runtime(
    runtime: str, environment: dict[str, str | None], text: str, family: str
) -> None:
    (found,) = grants(service(runtime=runtime, environment=environment))

    assert (found.path, found.text, found.family) == (("services", "app", "runtime"), text, family)


@cases(
    ("environment", "expected"),
    [
        ({"NVIDIA_VISIBLE_DEVICES": "0,ALL"}, {("environment", "nvidia", "all")}),
        ({"HABANA_VISIBLE_DEVICES": ""}, set()),
        ({"AMD_VISIBLE_DEVICES": "0-2,void"}, {("environment", "amd", ("0", "1", "2"))}),
        ({"CAMBRICON_VISIBLE_DEVICES": "all"}, {("environment", "unknown", "all")}),
        ({"CUDA_VERSION": "12.4"}, {("environment", "nvidia", "all")}),
        ({"CUDA_VERSION": "12.4", "NVIDIA_REQUIRE_CUDA": None}, {("environment", "nvidia", "all")}),
        ({"CUDA_VERSION": "12.4", "NVIDIA_REQUIRE_CUDA": "cuda>=12"}, set()),
        ({"CUDA_VERSION": "12.4", "NVIDIA_VISIBLE_DEVICES": None}, set()),
        ({"CUDA_VERSION": ""}, set()),
        ({"CUDA_VERSION": None}, set()),
    ],
)
def test_variable_without_its_runtime_is_a_grant(
    environment: dict[str, str | None], expected: set[object]
) -> None:
    assert summaries(service(environment=environment)) == expected


def test_legacy_image_is_none_beside_any_request_or_the_nvidia_runtime() -> None:
    legacy: dict[str, str | None] = {"CUDA_VERSION": "12.4"}

    assert summaries(service(environment=legacy, device_requests=(request(count=0),))) == set()
    assert summaries(service(environment=legacy, runtime="nvidia")) == {
        ("runtime", "nvidia", "all")
    }
    assert summaries(service(), hook(environment=legacy)) == set()


@cases(
    ("default", "runtime", "certainty"),
    [
        ("nvidia", "", "certain"),
        ("runc", "", "default-runtime"),
        ("amd", "", "default-runtime"),
        ("", "", "default-runtime"),
        ("nvidia", "runc", "default-runtime"),
    ],
)
def test_default_runtime_of_the_host_makes_a_variable_certain(
    default: str, runtime: str, certainty: str
) -> None:
    workload = service(runtime=runtime, environment={"NVIDIA_VISIBLE_DEVICES": "0"})
    legacy = service("old", runtime=runtime, environment={"CUDA_VERSION": "12.4"})

    found = grants(workload, legacy, known=host(default_runtime=default))

    assert {one.certainty for one in found} == {certainty}


def test_variable_of_the_dockerfile_is_overridden_by_the_service() -> None:
    section = build(environment={"NVIDIA_VISIBLE_DEVICES": "all"})

    open_to_all = grants(service(build=section))
    closed = grants(service(build=section, environment={"NVIDIA_VISIBLE_DEVICES": None}))

    assert [one.path[-1] for one in open_to_all] == ["dockerfile_inline"]
    assert closed == ()


def test_hook_counts_for_its_own_variables() -> None:
    own = hook(environment={"NVIDIA_VISIBLE_DEVICES": "0"})
    same = hook(Inherited(environment={"NVIDIA_VISIBLE_DEVICES": "0"}))

    assert summaries(service(), own) == {("environment", "nvidia", ("0",))}
    assert summaries(service(), same) == set()


def test_variable_of_a_hook_steers_the_runtime_of_its_service() -> None:
    steered = hook(Inherited(runtime="nvidia"), environment={"NVIDIA_VISIBLE_DEVICES": "1"})
    found = resolver().resolve([service(runtime="nvidia"), steered], HOST)[1]

    assert [(one.method, one.devices, one.path[-1]) for one in found.grants] == [
        ("runtime", ("1",), "NVIDIA_VISIBLE_DEVICES")
    ]
    assert found.runtime_class == ""
    assert summaries(service(), hook(Inherited(runtime="nvidia"))) == set()


def test_runtime_of_a_hook_reads_the_variables_of_its_service() -> None:
    own = hook(Inherited(environment={"NVIDIA_VISIBLE_DEVICES": "2"}), runtime="nvidia")

    assert summaries(service(), own) == {("runtime", "nvidia", ("2",))}
