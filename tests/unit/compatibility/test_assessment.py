"""Answers about projects on hosts: through the loader and the grants, from a file's text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from msgspec.structs import replace

from policyd.bundle import memory_bundle
from policyd.errors import PolicySetError
from policyd.host_resolver import HostResolver
from policyd.loading import load_project
from policyd.policies.packs import built_in, read_data
from policyd.policies.policy_set import merge_data
from policyd.workloads.image_configs import image_configs
from policyd.workloads.model import CompatibilityAnswer, Workload
from tests.support.cases import cases

CASES = yaml.safe_load((Path(__file__).parent / "driver_cases.yaml").read_text())["cases"]

A100 = {"index": 0, "uuid": "GPU-0", "brand": "nvidia", "compute_capability": "8.0"}
GEFORCE = {
    "index": 1,
    "uuid": "GPU-1",
    "name": "GTX 1080",
    "brand": "geforce",
    "compute_capability": "6.1",
}
HOST = {
    "driver_version": "535.183.01",
    "cuda_version": "12.2",
    "gpus": [A100, GEFORCE],
    "docker_version": "27.5",
    "default_runtime": "runc",
}


def data(host: dict[str, Any], **tables: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for file in (built_in() / "data.yaml", built_in() / "governance" / "data.yaml"):
        merge_data(merged, read_data(file), file)
    merged["policyd"]["inventory"] = {"hosts": {"gpu-01": host}}
    merged["policyd"]["tables"] |= tables
    return merged


def resolved(
    service: dict[str, Any], host: dict[str, Any], name: str = "gpu-01", **files: str
) -> Workload:
    text = yaml.safe_dump({"services": {"app": service}})
    contents = {"compose.yaml": text.encode()}
    contents |= {each: content.encode() for each, content in files.items()}
    loaded = load_project(memory_bundle(contents))
    [workload] = HostResolver(data(host)).on_host(loaded, name).workloads
    return workload


def answers(
    service: dict[str, Any], host: dict[str, Any] | None = None, **files: str
) -> dict[str, CompatibilityAnswer]:
    workload = resolved(service, host or HOST, **files)
    return {answer.question: answer for answer in workload.compatibility}


def asks(image: str, ids: list[str] | None = None, **keys: Any) -> dict[str, Any]:
    request = {"driver": "nvidia", "device_ids": ids or ["0"]}
    return {"image": image, "gpus": [request]} | keys


def outcomes(service: dict[str, Any], host: dict[str, Any] | None = None) -> dict[str, str]:
    return {question: each.outcome for question, each in answers(service, host).items()}


# --- reported cases -------------------------------------------------------------------------------


def host_of(case: dict[str, Any]) -> dict[str, Any]:
    host, toolkit = case["host"], case["toolkit"]
    gpus = [
        {"index": i, "uuid": f"GPU-{i}", "brand": g["brand"], "compute_capability": g["arch"]}
        for i, g in enumerate(host["gpus"])
    ]
    mode = {"mode": toolkit["mode"]} if toolkit["mode"] in ("csv", "cdi") else {}
    is_default = "default" in toolkit["request"] + toolkit["mode"]
    return {
        "driver_version": host["driver"],
        "cuda_version": host["cuda"],
        "gpus": gpus,
        "default_runtime": "nvidia" if is_default else "runc",
        "toolkit": {"version": toolkit["version"]} | mode,
        **({"docker_version": toolkit["docker"]} if "docker" in toolkit else {}),
        **({"cdi_devices": []} if "no CDI spec" in toolkit["path"] else {}),
    }


def service_of(case: dict[str, Any]) -> dict[str, Any]:
    request = case["toolkit"]["request"]
    image = case["image"].split(" ")[0] if "/" in case["image"] else "own/image"
    service = {"image": image, "environment": dict(case["env"])}
    if "cdi" in request:
        return service | {"devices": ["nvidia.com/gpu=all"]}
    if "default" in case["toolkit"]["mode"]:
        service["environment"]["NVIDIA_VISIBLE_DEVICES"] = "all"
        return service
    if "runtime: nvidia" in request:
        return service | {"runtime": "nvidia"}
    return service | {"gpus": [{"driver": "nvidia", "count": "all"}]}


@pytest.mark.thorough
@cases("case", CASES, ids=[case["id"] for case in CASES])
def test_the_start_is_refused_as_reported(case: dict[str, Any]) -> None:
    start = answers(service_of(case), host_of(case))["start"]

    assert start.outcome == {"runs": "ok", "refused": "fails"}[case["expect"]]
    assert case.get("message_has", "") in start.message


# --- does it start --------------------------------------------------------------------------------


def test_a_refusal_says_what_is_not_met_and_by_what_it_is_known() -> None:
    start = answers(asks("nvidia/cuda:12.6.3-base-ubuntu22.04", ["1"]))["start"]

    assert start == CompatibilityAnswer(
        "start",
        "fails",
        "table",
        "is refused when it starts: GPU 1 (brand geforce) does not meet NVIDIA_REQUIRE_CUDA, as "
        "the tag of its image says: unsatisfied condition: cuda>=12.6; the host gpu-01 has the "
        "driver 535.183.01 (CUDA 12.2)",
        ("services", "app", "image"),
    )


def test_only_the_gpus_that_the_service_gets_count() -> None:
    image = "nvidia/cuda:12.6.3-base"

    assert outcomes(asks(image, ["0"]))["start"] == "ok"
    assert outcomes(asks(image, ["0", "1"]))["start"] == "fails"
    assert outcomes({"image": image, "gpus": "all"})["start"] == "fails"


def test_a_variable_of_the_service_replaces_that_of_the_image() -> None:
    image = "nvidia/cuda:12.6.3-base"
    variable = "NVIDIA_REQUIRE_CUDA"

    wider = answers(asks(image, ["1"], environment={variable: "cuda>=12.0"}))["start"]
    assert (wider.outcome, wider.source) == ("ok", "service")
    narrow = answers(asks(image, ["0"], environment={variable: "cuda>=13"}))["start"]
    assert (narrow.outcome, narrow.source) == ("fails", "service")
    assert narrow.path == ("services", "app", "environment", variable)


def test_an_emptied_requirement_makes_a_legacy_image() -> None:
    start = answers(asks("nvidia/cuda:12.6.3-base", environment={"NVIDIA_REQUIRE_CUDA": ""}))[
        "start"
    ]

    assert start.outcome == "fails"
    assert "does not meet CUDA_VERSION" in start.message
    assert "unsatisfied condition: cuda>=12.6;" in start.message


def test_the_dockerfile_of_the_project_says_it_as_well() -> None:
    service = {"build": ".", "gpus": [{"driver": "nvidia", "device_ids": ["1"]}]}

    based = answers(service, Dockerfile="FROM nvidia/cuda:12.6.3-base\n")["start"]
    assert (based.outcome, based.source) == ("fails", "table")
    own = answers(service, Dockerfile="FROM x\nENV NVIDIA_REQUIRE_CUDA=cuda>=12.6\n")["start"]
    assert (own.outcome, own.source) == ("fails", "dockerfile")
    assert own.path == ("services", "app", "build", "dockerfile")


def test_the_test_that_is_switched_off_refuses_nothing() -> None:
    off = asks("own/image", ["1"], environment={"NVIDIA_DISABLE_REQUIRE": "1"})
    on = asks("own/image", ["1"], environment={"NVIDIA_DISABLE_REQUIRE": "no"})

    assert outcomes(off)["start"] == "ok"
    assert outcomes(on)["start"] == "unknown"
    host = HOST | {"toolkit": {"disable_require": True}}
    assert outcomes(asks("nvidia/cuda:12.6.3-base", ["1"]), host)["start"] == "ok"


def test_an_unknown_image_was_not_checked() -> None:
    found = answers(asks("own/image"))

    assert {question: each.outcome for question, each in found.items()} == {
        "start": "unknown",
        "cuda": "unknown",
    }
    assert found["start"].message.endswith("was not checked")


def test_without_the_version_of_the_engine_the_answer_is_that_it_may_be_refused() -> None:
    host = {key: value for key, value in HOST.items() if key != "docker_version"}

    start = answers(asks("nvidia/cuda:12.6.3-base", ["1"]), host)["start"]

    assert start.outcome == "may-fail"
    assert start.message.startswith("may be refused when it starts: GPU 1 (brand geforce) does not")
    assert start.message.endswith("; the version of the Docker engine is not in the inventory")


def test_a_gpu_whose_brand_is_unknown_may_be_refused() -> None:
    host = HOST | {"gpus": [{"index": 0, "uuid": "GPU-0"}]}

    start = answers(asks("nvidia/cuda:12.6.3-base"), host)["start"]
    assert start.outcome == "may-fail"
    assert start.message.endswith("; its brand is not in the inventory")
    assert (
        outcomes(asks("nvidia/cuda:12.9.1-base"), HOST | {"cuda_version": "12.9"})["start"] == "ok"
    )
    certain = HOST | {"gpus": host["gpus"], "driver_version": "530.30.02", "cuda_version": "12.1"}
    assert outcomes(asks("nvidia/cuda:12.6.3-base"), certain)["start"] == "fails"


def test_a_tag_that_was_built_with_other_lists_may_be_refused() -> None:
    host = HOST | {"driver_version": "515.65.01", "cuda_version": "11.7"}

    start = answers(asks("nvidia/cuda:11.8.0-base"), host)["start"]

    assert start.outcome == "may-fail"
    assert start.message.endswith("; the host accepts other builds of the same tag")


def test_arm64_images_have_the_list_of_their_own_architecture() -> None:
    host = HOST | {"gpus": [A100]}
    image = "nvidia/cuda:12.3.2-base"

    assert outcomes(asks(image), host)["start"] == "ok"
    assert outcomes(asks(image), host | {"architecture": "aarch64"})["start"] == "fails"
    assert outcomes(asks(image, platform="linux/arm64"), host)["start"] == "fails"


def test_a_version_whose_list_is_not_known_is_certain_for_consumer_cards_only() -> None:
    assert outcomes(asks("nvidia/cuda:13.4.1-base", ["1"]))["start"] == "fails"
    assert outcomes(asks("nvidia/cuda:13.4.1-base", ["0"]))["start"] == "may-fail"


@cases(
    ("source", "expected", "said"),
    [
        ("request", "image", "as the configuration of its image says"),
        ("registry", "registry", "as the configuration of its image in the registry says"),
    ],
)
def test_a_known_configuration_answers_for_an_unknown_image(
    source: Literal["request", "registry"], expected: str, said: str
) -> None:
    config = {"Env": ["NVIDIA_REQUIRE_CUDA=cuda>=12.6", "CUDA_VERSION=12.6.3"]}
    text = yaml.safe_dump({"services": {"app": asks("own/image", ["1"])}}).encode()
    configs = image_configs({"own/image:latest": config})
    configs = {name: replace(each, source=source) for name, each in configs.items()}
    bundle = memory_bundle({"compose.yaml": text}, image_configs=configs)

    [workload] = HostResolver(data(HOST)).on_host(load_project(bundle), "gpu-01").workloads
    found = {answer.question: answer for answer in workload.compatibility}

    assert (found["start"].outcome, found["start"].source) == ("fails", expected)
    assert said in found["start"].message
    assert (found["cuda"].outcome, found["cuda"].source) == ("ok", expected)


# --- do CUDA programs work ------------------------------------------------------------------------


def test_a_driver_below_the_oldest_of_the_major_version_does_not_run_its_programs() -> None:
    host = HOST | {"driver_version": "470.256.02", "cuda_version": "11.4"}

    cuda = answers(asks("pytorch/pytorch:2.4.0-cuda12.1-cudnn9-runtime"), host)["cuda"]

    assert cuda == CompatibilityAnswer(
        "cuda",
        "fails",
        "table",
        "runs CUDA 12.1, as the tag of its image says, whose programs do not work: it needs the "
        "driver 525.60.13, and the host gpu-01 has the driver 470.256.02 (CUDA 11.4)",
        ("services", "app", "image"),
    )


def test_forward_compatibility_is_for_data_centre_cards() -> None:
    host = HOST | {"driver_version": "470.256.02", "cuda_version": "11.4"}
    image = "nvidia/cuda:12.4.1-base"

    assert outcomes(asks(image, ["0"]), host)["cuda"] == "ok"
    assert outcomes(asks(image, ["1"]), host) == {
        "start": "ok",
        "cuda": "fails",
        "cuda-exact": "fails",
        "architecture": "ok",
    }


def test_minor_version_compatibility_is_a_question_of_its_own() -> None:
    found = outcomes(asks("pytorch/pytorch:2.7.0-cuda12.8-cudnn9-runtime"))

    assert (found["cuda"], found["cuda-exact"]) == ("ok", "fails")


def test_the_version_of_an_approximate_table_may_fail_only() -> None:
    host = HOST | {"driver_version": "470.256.02", "cuda_version": "11.4"}

    found = answers(asks("vllm/vllm-openai:v0.6.0", ["1"]), host)

    assert found["cuda"].outcome == "may-fail"
    assert "programs may not work" in found["cuda"].message
    assert outcomes(asks("vllm/vllm-openai:v0.6.0-cu124", ["1"]), host)["cuda"] == "fails"


def test_cuda_version_of_the_service_is_reported_at_the_variable() -> None:
    environment = {"CUDA_VERSION": "13.0.1", "NVIDIA_REQUIRE_CUDA": "cuda>=12.0"}

    cuda = answers(asks("own/image", ["1"], environment=environment))["cuda"]

    assert (cuda.outcome, cuda.source) == ("fails", "service")
    assert cuda.path == ("services", "app", "environment", "CUDA_VERSION")


# --- has the toolkit code for the GPU -------------------------------------------------------------


def test_a_card_that_the_toolkit_has_no_code_for_is_reported() -> None:
    host = HOST | {"driver_version": "580.65.06", "cuda_version": "13.0"}

    found = answers(asks("nvidia/cuda:13.0.1-base", ["1"]), host)

    assert found["start"].outcome == "ok"
    assert found["architecture"].outcome == "fails"
    assert found["architecture"].message == (
        "runs CUDA 13.0.1, as the tag of its image says, which has no code for GPU 1 (GTX 1080): "
        "its compute capability is 6.1, the oldest one is 7.5"
    )
    assert outcomes(asks("nvidia/cuda:12.9.1-base", ["1"]), host)["architecture"] == "ok"


# --- other vendors --------------------------------------------------------------------------------


@pytest.mark.thorough
@cases(
    ("image", "driver", "outcome"),
    [
        ("rocm/pytorch:rocm5.7_ubuntu22.04", "5.18.13", "fails"),
        ("rocm/pytorch:rocm5.7_ubuntu22.04", "6.0.5", "ok"),
        ("rocm/pytorch:rocm6.0_ubuntu22.04", "6.0.5", "fails"),
        ("rocm/pytorch:rocm6.0_ubuntu22.04", "6.1.5", "ok"),
        ("rocm/pytorch:rocm6.1_ubuntu22.04", "6.1.5", "fails"),
        ("rocm/pytorch:rocm6.1_ubuntu22.04", "6.2.4", "ok"),
        ("rocm/pytorch:rocm6.2.4_ubuntu22.04", "6.2.4", "fails"),
        ("rocm/pytorch:rocm6.2.4_ubuntu22.04", "6.3.6", "ok"),
        ("rocm/pytorch:rocm6.3_ubuntu22.04", "6.3.6", "fails"),
        ("rocm/pytorch:rocm6.3_ubuntu22.04", "6.7.0", "ok"),
        ("rocm/pytorch:rocm6.4.1_ubuntu22.04", "6.3.6", "fails"),
        ("rocm/pytorch:rocm6.4.1_ubuntu22.04", "6.7.0", "ok"),
        ("rocm/pytorch:rocm7.0_ubuntu24.04", "6.7.0", "fails"),
        ("rocm/pytorch:rocm7.0_ubuntu24.04", "6.8.5", "ok"),
        ("rocm/vllm:rocm7.1.1_vllm", "6.10.5", "fails"),
        ("rocm/vllm:rocm7.1.1_vllm", "6.12.12", "ok"),
        ("rocm/vllm:rocm7.2.0_vllm", "6.10.5", "fails"),
        ("rocm/vllm:rocm7.2.0_vllm", "6.12.12", "ok"),
        ("rocm/pytorch:rocm7.14_ubuntu24.04", "6.12.12", "fails"),
        ("rocm/pytorch:rocm7.14_ubuntu24.04", "6.14.14", "ok"),
        ("rocm/pytorch:rocm10.0_ubuntu24.04", "6.12.12", "fails"),
        ("registry.example/app:1-rocm10.0", "6.16.13", "ok"),
        ("rocm/dev-ubuntu-22.04:6.4-complete", "6.12.12", "ok"),
        ("rocm/pytorch:latest", "6.7.0", "unknown"),
        ("rocm/pytorch:rocm6.4", "", "unknown"),
    ],
)
def test_the_driver_of_amd_is_compared_with_the_version_of_rocm(
    image: str, driver: str, outcome: str
) -> None:
    host = {
        "driver_version": "",
        "cuda_version": "",
        "gpus": [],
        "drivers": {"amd": driver} if driver else {},
    }
    service = {"image": image, "gpus": [{"driver": "amd", "device_ids": ["0"]}]}

    assert outcomes(service, host) == {"driver": outcome}


def test_the_driver_of_gaudi_is_compared_with_the_version_of_its_software() -> None:
    host = {
        "driver_version": "",
        "cuda_version": "",
        "gpus": [],
        "drivers": {"habana": "1.18.0"},
    }
    image = "vault.habana.ai/gaudi-docker/{}/ubuntu22.04/habanalabs/pytorch-installer-2.5.1:latest"
    keys = {"runtime": "habana", "environment": {"HABANA_VISIBLE_DEVICES": "0"}}

    found = answers({"image": image.format("1.19.0")} | keys, host)["driver"]
    assert found.outcome == "fails"
    assert found.message == (
        "runs Intel Gaudi software 1.19, as the tag of its image says, which needs the driver 1.19 "
        "or newer: the host gpu-01 has 1.18.0"
    )
    assert outcomes({"image": image.format("1.18.0")} | keys, host) == {"driver": "ok"}
    assert outcomes({"image": image.format("1.18.1")} | keys, host) == {"driver": "ok"}


def test_the_driver_of_gaudi_may_be_too_new_for_its_software() -> None:
    host = {"driver_version": "", "cuda_version": "", "gpus": [], "drivers": {"habana": "1.18.0"}}
    image = "vault.habana.ai/gaudi-docker/1.17.0/ubuntu22.04/habanalabs/pytorch-installer:latest"
    keys = {"runtime": "habana", "environment": {"HABANA_VISIBLE_DEVICES": "0"}}

    found = answers({"image": image} | keys, host)["driver"]

    assert found.outcome == "may-fail"
    assert found.message == (
        "runs Intel Gaudi software 1.17, as the tag of its image says, which comes with the driver "
        "1.17: it may fail with the driver 1.18.0 of the host gpu-01"
    )


# --- when there is nothing to answer --------------------------------------------------------------


def test_nothing_is_answered_without_a_host_or_a_gpu() -> None:
    assert resolved(asks("nvidia/cuda:13.0.1-base"), HOST, "gpu-02").compatibility == ()
    assert answers({"image": "nvidia/cuda:13.0.1-base"}) == {}


def test_tables_that_are_not_valid_are_an_error() -> None:
    with pytest.raises(PolicySetError, match="tables: "):
        HostResolver(data(HOST, cuda_images={"x": {"pattern": 1}}))
    with pytest.raises(PolicySetError, match="tables: "):
        HostResolver(data(HOST, cuda_images={"x": {"pattern": "("}}))
