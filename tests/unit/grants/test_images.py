from __future__ import annotations

from typing import Any

from policyd.bundle import memory_bundle
from policyd.grants.images import image_family
from policyd.loading import load_project
from policyd.model import ImageConfig
from tests.support.cases import cases
from tests.support.granting import (
    HOST,
    build,
    device,
    grants,
    hook,
    host,
    request,
    resolver,
    service,
    summaries,
    tables,
)

CUDA = "nvcr.io/nvidia/cuda:12.4.1-base@sha256:ab"
IMAGE = ("image", "nvidia", "all")
ON_NVIDIA = host(default_runtime="nvidia")


@cases(
    ("image", "known"),
    [
        ("nvidia/cuda", True),
        ("mirror.example:5000/x/nvidia/cuda:12.4", True),
        (CUDA, True),
        ("ghcr.io/blakeblackshear/frigate:stable", True),
        ("nvcr.io/nvidia/l4t-base:r36", True),
        ("nvcr.io/nvidia/l4t-", False),
        ("nvidia/cuda-x", False),
        ("ollama/ollama-webui", False),
        ("nvidia/cuda/x", False),
        ("nvcr.io/nvidia/k8s/cuda", False),
        ("cuda", False),
        ("", False),
    ],
)
def test_image_is_known_by_the_last_two_parts_of_its_name(image: str, known: bool) -> None:
    assert image_family(image, tables()) == ("nvidia" if known else "")


@cases(
    ("known", "certainty"),
    [
        (None, "default-runtime"),
        (host(), "default-runtime"),
        (ON_NVIDIA, "certain"),
        (host(default_runtime="runc"), None),
        (host(default_runtime="amd"), None),
    ],
)
def test_default_runtime_decides_about_the_image(known: Any, certainty: str | None) -> None:
    found = grants(service(image=CUDA), known=known)

    assert [one.certainty for one in found] == ([certainty] if certainty else [])
    assert {(one.method, one.vendor, one.devices) for one in found} == (
        {IMAGE} if certainty else set()
    )


@cases(
    "fields",
    [
        {"environment": {"NVIDIA_VISIBLE_DEVICES": "void"}},
        {"environment": {"NVIDIA_VISIBLE_DEVICES": None}},
        {"environment": {"DOCKER_RESOURCE_GPU": "0"}},
        {"environment": {"CUDA_VERSION": "12.4"}},
        {"runtime": "runc"},
        {"device_requests": (request(count=1),)},
        {"device_requests": (request(driver="cdi", device_ids=("nvidia.com/gpu=0",)),)},
    ],
)
def test_image_gives_way_to_what_the_project_says(fields: dict[str, Any]) -> None:
    assert IMAGE not in summaries(service(image=CUDA, **fields), known=ON_NVIDIA)


@cases(
    "fields",
    [
        {"device_requests": (request(count=0),)},
        {"devices": (device("nvidia.com/gpu=0"),)},
        {"environment": {"AMD_VISIBLE_DEVICES": "0"}},
        {"environment": {"CUDA_VISIBLE_DEVICES": "0"}},
    ],
)
def test_image_stands_beside_what_decides_nothing(fields: dict[str, Any]) -> None:
    assert IMAGE in summaries(service(image=CUDA, **fields), known=ON_NVIDIA)


def test_built_image_is_that_of_its_base() -> None:
    section = build(base=CUDA)

    (found,) = grants(service(image="app:1", build=section), known=ON_NVIDIA)

    assert (found.path[-1], found.text) == ("dockerfile_inline", f"image: {CUDA}")
    assert grants(service(image=CUDA, build=build(base="debian")), known=ON_NVIDIA) == ()


def test_hook_counts_for_an_image_of_its_own() -> None:
    plain, cuda = service(image="app:1"), service(image=CUDA)

    assert [one.path for one in grants(plain, hook(image=CUDA), known=ON_NVIDIA)] == [
        ("services", "app", "pre_start", 0, "image")
    ]
    assert len(grants(cuda, hook(image=CUDA), known=ON_NVIDIA)) == 1
    own = hook(image=CUDA)
    built = service(image="app:1", build=build(environment={"NVIDIA_VISIBLE_DEVICES": "void"}))
    assert summaries(built, own, known=ON_NVIDIA) == {IMAGE}


PROJECT = """services:
  web:
    image: app:1
  known:
    image: nvidia/cuda
  silenced:
    image: app:2
    environment: {NVIDIA_VISIBLE_DEVICES:}
  apart:
    image: app:3
    runtime: runc
  built:
    build: {context: ., dockerfile_inline: FROM debian}
  empty:
    build: {context: ., dockerfile_inline: FROM scratch}
"""


@cases(
    ("default", "images"),
    [
        ("nvidia", [("debian", 13), ("app:1", 3)]),
        ("amd", [("debian", 13), ("app:2", 7), ("app:1", 3)]),
        ("runc", []),
        ("fast", []),
        ("", []),
    ],
)
def test_unknown_image_is_not_evaluated_where_it_may_select(
    default: str, images: list[tuple[str, int]]
) -> None:
    loaded = load_project(memory_bundle({"compose.yaml": PROJECT.encode()}))
    known = resolver(host(default_runtime=default))

    found = known.with_grants(loaded, HOST).not_evaluated

    assert [(one.kind, one.what, one.location.line) for one in found if one.location] == [
        ("image", image, line) for image, line in images
    ]
    assert len(found) == len(images)


def test_reason_names_the_workload() -> None:
    loaded = load_project(memory_bundle({"compose.yaml": b"services: {web: {image: 'app:1'}}"}))

    (found,) = resolver(ON_NVIDIA).with_grants(loaded, HOST).not_evaluated

    assert found.reason == (
        "the default runtime of the host gives accelerators to service web if its image selects "
        "them, and the image is not known"
    )


@cases(
    ("image", "variables", "expected"),
    [
        ("app:1", {"NVIDIA_VISIBLE_DEVICES": "all"}, [IMAGE]),
        ("app:1", {"NVIDIA_VISIBLE_DEVICES": "1,2"}, [("image", "nvidia", ("1", "2"))]),
        ("app:1", {"NVIDIA_VISIBLE_DEVICES": "void"}, []),
        ("app:1", {"AMD_VISIBLE_DEVICES": "all"}, []),
        ("app:1", {}, []),
        ("app:1", {"CUDA_VERSION": "8.0.61"}, [IMAGE]),
        ("app:1", {"CUDA_VERSION": "13.0", "NVIDIA_REQUIRE_CUDA": "cuda>=13.0"}, []),
        ("app:1", {"CUDA_VERSION": "8.0.61", "NVIDIA_VISIBLE_DEVICES": "none"}, []),
        (CUDA, {"NVIDIA_VISIBLE_DEVICES": "void"}, [IMAGE]),
    ],
)
def test_configuration_says_what_an_unknown_image_selects(
    image: str, variables: dict[str, str], expected: list[Any]
) -> None:
    workload = service(image=image, image_config=ImageConfig(variables))

    found = grants(workload, known=ON_NVIDIA)

    assert [(one.method, one.vendor, one.devices) for one in found] == expected


def test_image_whose_configuration_is_known_is_evaluated() -> None:
    configs = {"app:1": ImageConfig({"A": "1"})}
    files = {"compose.yaml": b"services: {web: {image: 'app:1'}}"}
    loaded = load_project(memory_bundle(files, image_configs=configs))

    assert resolver(ON_NVIDIA).with_grants(loaded, HOST).not_evaluated == ()
