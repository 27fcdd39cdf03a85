from __future__ import annotations

from typing import Any

import pytest

from policyd.bundle import memory_bundle
from policyd.errors import ComposeError, RequestError
from policyd.loading import load_project
from policyd.model import ImageConfig
from policyd.workloads.image_configs import (
    MAX_CONFIGS,
    ImageConfigs,
    ImageRequest,
    familiar,
    image_configs,
)
from policyd.workloads.model import Workload
from tests.support.cases import cases

DIGEST = "sha256:" + "a" * 64


def workloads(compose: str, configs: dict[str, Any], **files: str) -> dict[str, Workload]:
    contents = {"compose.yaml": compose.encode()}
    contents |= {name: text.encode() for name, text in files.items()}
    bundle = memory_bundle(contents, image_configs=image_configs(configs))
    return {each.name: each for each in load_project(bundle).workloads}


@cases(
    ("reference", "expected"),
    [
        ("nginx", "nginx:latest"),
        ("docker.io/library/nginx:1", "nginx:1"),
        ("index.docker.io/a/b", "a/b:latest"),
        ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        (f"a/b:1@{DIGEST}", f"a/b@{DIGEST}"),
    ],
)
def test_references_have_one_form(reference: str, expected: str) -> None:
    assert familiar(reference) == expected


def test_a_configuration_is_read_as_docker_and_oci_write_it() -> None:
    config = {
        "Env": ["A=1", "B=x=y", "A=2", "C"],
        "User": "app",
        "Labels": {"owner": "ml"},
        "OnBuild": ["ENV B=1"],
        "Cmd": None,
    }

    assert image_configs({"docker.io/a/b": config, "c": {"Env": None}}) == {
        "a/b:latest": ImageConfig(
            {"A": "2", "B": "x=y", "C": ""}, "app", {"owner": "ml"}, ("ENV B=1",)
        ),
        "c:latest": ImageConfig(),
    }


@cases(
    ("value", "message"),
    [
        ({"a": []}, "imageConfigs: Expected"),
        ({"a": {"Env": {"A": "1"}}}, "imageConfigs: Expected"),
        ({"a": {}, "docker.io/library/a:latest": {}}, "two configurations of the image 'a:latest'"),
        ({str(each): {} for each in range(MAX_CONFIGS + 1)}, "imageConfigs: "),
    ],
)
def test_another_form_is_an_error(value: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        image_configs(value)


def test_workloads_have_the_configuration_of_their_image_or_of_its_base() -> None:
    compose = (
        "services:\n"
        "  web: {image: a/b, pre_start: [{image: c}, {command: [x]}]}\n"
        "  own: {build: .}\n"
        "  other: {image: d}\n"
    )
    configs = {"a/b": {"User": "b"}, "c:latest": {"User": "c"}, "base:1": {"User": "base"}}

    found = workloads(compose, configs, Dockerfile="FROM base:1\n")

    assert {name: each.image_config and each.image_config.user for name, each in found.items()} == {
        "own": "base",
        "other": None,
        "web": "b",
        "web/pre_start/0": "c",
        "web/pre_start/1": "b",
    }


def test_variables_of_a_base_image_are_expanded_in_the_dockerfile() -> None:
    compose = "services:\n  own: {build: .}\n"
    configs = {"base:1": {"Env": ["GPUS=all"]}}

    found = workloads(
        compose, configs, Dockerfile="FROM base:1\nENV NVIDIA_VISIBLE_DEVICES=$GPUS\n"
    )

    build = found["own"].build
    assert build
    assert build.environment == {"NVIDIA_VISIBLE_DEVICES": "all"}


def test_a_configuration_is_found_by_its_platform_unless_it_is_handed_over() -> None:
    arm, amd = ImageRequest("a:1", "linux/arm64"), ImageRequest("a:1", "")
    inspected = {arm: ImageConfig(user="arm"), amd: ImageConfig(user="amd")}

    configs = ImageConfigs({}, inspected)
    assert configs.find("a:1", "linux/arm64") == ImageConfig(user="arm")
    assert configs.find("a:1", "") == ImageConfig(user="amd")
    assert configs.find("a:1", "linux/s390x") is None

    both = ImageConfigs({"a:1": ImageConfig(user="ci")}, inspected)
    assert both.find("docker.io/library/a:1", "linux/arm64") == ImageConfig(user="ci")


def test_a_build_has_the_platform_of_its_service_or_its_only_one() -> None:
    compose = (
        "services:\n"
        "  a: {build: ., platform: linux/arm64}\n"
        "  b: {build: {context: ., platforms: [linux/s390x]}}\n"
        "  c: {build: {context: ., platforms: [linux/s390x, linux/amd64]}}\n"
    )

    found = workloads(compose, {}, Dockerfile="FROM base:1\n")

    platforms = {name: each.build and each.build.base_platform for name, each in found.items()}
    assert platforms == {"a": "linux/arm64", "b": "linux/s390x", "c": ""}


def test_configurations_of_all_workloads_are_limited_together() -> None:
    config = {"a": {"Env": ["A=" + "x" * (2 << 20)], "Labels": {"b": "y" * (1 << 20)}}}
    two = "services:\n  a: {image: a}\n  b: {image: a}\n"

    assert len(workloads(two, config)) == 2
    with pytest.raises(ComposeError) as caught:
        workloads(two + "  c: {image: a}\n", config)
    assert str(caught.value) == (
        "image: the configurations of the images of all services and hooks exceed the limit of "
        "8 MiB in all"
    )


@pytest.mark.thorough
def test_a_configuration_counts_for_each_dockerfile_that_is_built_from_it() -> None:
    config = {"base": {"OnBuild": ["ENV A=" + "x" * (1 << 20)]}}
    stages = "".join(f"FROM base AS s{number}\n" for number in range(16))

    with pytest.raises(ComposeError) as caught:
        workloads("services: {a: {build: .}}", config, Dockerfile=stages)
    assert str(caught.value) == (
        "build: the configurations of base images exceed the limit of 16 MiB in all, counted for "
        "each build"
    )


def test_characters_of_a_configuration_are_those_of_all_its_texts() -> None:
    config = ImageConfig({"AB": "1"}, "app", {"owner": "ml"}, ("ENV B=1",), digest="sha256:x")

    assert config.characters() == 3 + 3 + 7 + 7
