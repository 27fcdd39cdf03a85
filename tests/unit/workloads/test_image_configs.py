from __future__ import annotations

from typing import Any

import pytest

from policyd.bundle import memory_bundle
from policyd.errors import RequestError
from policyd.loading import load_project
from policyd.model import ImageConfig
from policyd.workloads.image_configs import MAX_CONFIGS, familiar, image_configs
from policyd.workloads.model import Workload

DIGEST = "sha256:" + "a" * 64


def workloads(compose: str, configs: dict[str, Any], **files: str) -> dict[str, Workload]:
    contents = {"compose.yaml": compose.encode()}
    contents |= {name: text.encode() for name, text in files.items()}
    bundle = memory_bundle(contents, image_configs=image_configs(configs))
    return {each.name: each for each in load_project(bundle).workloads}


@pytest.mark.parametrize(
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
        "Cmd": None,
    }

    assert image_configs({"docker.io/a/b": config, "c": {"Env": None}}) == {
        "a/b:latest": ImageConfig({"A": "2", "B": "x=y", "C": ""}, "app", {"owner": "ml"}),
        "c:latest": ImageConfig(),
    }


@pytest.mark.parametrize(
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
