from __future__ import annotations

import json
from typing import Any

import pytest

from policyd.errors import RegistryError
from policyd.model import ImageConfig
from policyd.registry.artifact import Descriptor, sha256
from policyd.registry.image_manifest import (
    MAX_CONFIG,
    ReadConfig,
    index_or_config,
    manifest_for,
    read_config,
)
from policyd.registry.platforms import Platform, parse
from tests.support.cases import cases

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
DIGESTS = [f"sha256:{letter * 64}" for letter in "abcdef"]
DESCRIPTOR = {"mediaType": CONFIG, "digest": DIGESTS[0], "size": 7}


def read(document: Any) -> Any:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return index_or_config(content, sha256(content))


def refused(document: Any) -> str:
    with pytest.raises(RegistryError) as caught:
        read(document)
    return str(caught.value)


def entry(number: int, platform: str | None, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"mediaType": MANIFEST, "digest": DIGESTS[number], "size": 5}
    if platform is not None:
        system, architecture, *variant = platform.split("/")
        found["platform"] = {"os": system, "architecture": architecture}
        found["platform"] |= {"variant": variant[0]} if variant else {}
    return found | changes


def chosen(platform: str, *entries: dict[str, Any]) -> str:
    wanted = parse(platform)
    assert wanted
    return manifest_for(read({"mediaType": INDEX, "manifests": entries}), wanted)


@cases("kind", [MANIFEST, "application/vnd.docker.distribution.manifest.v2+json", None])
@cases("config", [CONFIG, "application/vnd.docker.container.image.v1+json"])
def test_a_manifest_names_its_configuration(kind: str | None, config: str) -> None:
    document = {"config": DESCRIPTOR | {"mediaType": config}, "layers": []}
    document |= {"mediaType": kind} if kind else {}

    assert read(document) == Descriptor(config, DIGESTS[0], 7)


@cases(
    ("document", "message"),
    [
        ({}, "the manifest names no configuration"),
        ([], "the manifest is not valid"),
        (b"\xff", "the manifest is not valid"),
        (b"[" * 100_000, "the manifest is not valid"),
        (b'{"config": {}, "Config": {}}', "the manifest is not valid"),
        (b'{"config": {}, "config": {}}', "the manifest is not valid"),
        (b'{"Manifests": []}', "the manifest is not valid"),
        (
            {"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws"},
            "application/vnd.docker.distribution.manifest.v1+prettyjws is not the media type of "
            "an image",
        ),
        ({"mediaType": "s3cret\n"}, "the media type is not the media type of an image"),
        (
            {"config": DESCRIPTOR, "manifests": []},
            "the manifest is an index and an image at once",
        ),
        ({"layers": [], "manifests": []}, "the manifest is an index and an image at once"),
        ({"mediaType": MANIFEST, "manifests": []}, "the manifest does not match its media type"),
        ({"mediaType": INDEX, "config": DESCRIPTOR}, "the manifest does not match its media type"),
        (
            {"config": DESCRIPTOR | {"mediaType": "application/vnd.cncf.helm.config.v1+json"}},
            "it is not an image: application/vnd.cncf.helm.config.v1+json is not the media type of "
            "a configuration",
        ),
        (
            {"config": DESCRIPTOR | {"digest": "sha512:" + "a" * 128}},
            "the digest of the configuration is not SHA-256",
        ),
        (
            {"config": DESCRIPTOR | {"digest": "sha256:../../x"}},
            "the digest of the configuration is not SHA-256",
        ),
        (
            {"config": DESCRIPTOR | {"size": MAX_CONFIG + 1}},
            "the configuration exceeds the limit of 1 MiB",
        ),
        (
            {"config": DESCRIPTOR | {"size": -1}},
            "the configuration exceeds the limit of 1 MiB",
        ),
    ],
)
def test_another_manifest_is_an_error(document: Any, message: str) -> None:
    assert refused(document) == message


def test_another_digest_is_an_error() -> None:
    with pytest.raises(RegistryError) as caught:
        index_or_config(b"{}", DIGESTS[0])
    assert str(caught.value) == "what the registry sent does not match the digest"


@cases(
    ("platform", "number"),
    [("linux/amd64", 0), ("linux/arm64", 2), ("linux/arm64/v8", 2), ("linux/arm/v7", 3)],
)
def test_the_first_entry_for_the_platform_is_chosen(platform: str, number: int) -> None:
    entries = [
        entry(0, "linux/amd64"),
        entry(1, "linux/amd64"),
        entry(2, "linux/arm64/v8"),
        entry(3, "linux/arm/v6"),
    ]

    assert chosen(platform, *entries) == DIGESTS[number]


def test_attestations_and_other_documents_of_an_index_are_no_images() -> None:
    reference = {"vnd.docker.reference.type": "attestation-manifest"}
    entries = [
        entry(0, "linux/amd64", annotations=reference),
        entry(1, "unknown/unknown"),
        entry(2, "linux/amd64", mediaType=INDEX),
        entry(3, None),
    ]

    assert chosen("linux/amd64", *entries) == DIGESTS[3]


@cases(
    ("entries", "message"),
    [
        ([], "the image is not available for linux/amd64"),
        (
            [entry(0, "linux/s390x"), entry(1, "linux/arm/v7"), entry(2, "windows/am d64")],
            "the image is not available for linux/amd64; it has linux/arm/v7, linux/s390x",
        ),
        (
            [entry(0, None), entry(1, None)],
            "the image is not available for linux/amd64",
        ),
        (
            [entry(0, "linux/amd64", digest="sha256:../x")],
            "the index contains a digest that is not SHA-256",
        ),
    ],
)
def test_an_index_without_the_platform_is_an_error(
    entries: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(RegistryError) as caught:
        chosen("linux/amd64", *entries)
    assert str(caught.value) == message


def config(document: Any, **changes: Any) -> ReadConfig:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    found = {"digest": sha256(content), "size": len(content)} | changes
    return read_config(content, Descriptor(CONFIG, **found))


def test_a_configuration_is_read_with_its_platform() -> None:
    document = {
        "architecture": "arm64",
        "os": "linux",
        "variant": "v8",
        "config": {
            "Env": ["PATH=/bin", "A=1", "A=2=3"],
            "User": "app",
            "Labels": {"Owner": "x", "owner": "y"},
            "Cmd": None,
        },
        "rootfs": {"type": "layers", "diff_ids": []},
    }

    assert config(document) == ReadConfig(
        ImageConfig({"PATH": "/bin", "A": "2=3"}, "app", {"Owner": "x", "owner": "y"}),
        Platform("linux", "arm64"),
    )
    assert config({"config": None}) == ReadConfig(ImageConfig(), Platform("", ""))


@cases(
    "document",
    [
        b"",
        b"[]",
        b'{"config": {"Env": ["A=void"], "env": ["A=all"]}}',
        b'{"config": {"env": ["A=all"]}}',
        b'{"config": {"Env": []}, "config": {"Env": ["A=all"]}}',
        b'{"config": {"Env": []}, "Config": {"Env": ["A=all"]}}',
        b'{"config": {"Env": "A=all"}}',
        b'{"config": {"Env": ["A=\\ud800"]}}',
        b'{"config": ' + b"[" * 100_000,
    ],
)
def test_a_configuration_that_docker_may_read_otherwise_is_an_error(document: bytes) -> None:
    with pytest.raises(RegistryError) as caught:
        config(document)
    assert str(caught.value) == "the configuration is not valid"


@cases("changes", [{"digest": DIGESTS[0]}, {"size": 3}])
def test_a_configuration_must_match_its_descriptor(changes: dict[str, Any]) -> None:
    with pytest.raises(RegistryError) as caught:
        config(b"{}", **changes)
    assert str(caught.value) == "the configuration does not match its digest"
