from __future__ import annotations

import json

import pytest

from policyd.errors import ComposeError
from policyd.registry.artifact import (
    Descriptor,
    Manifest,
    check_blob,
    env_files_left_out,
    files_of,
    is_repository,
    manifest_of,
    sha256,
)
from tests.support.cases import cases

FILE = "application/vnd.docker.compose.file+yaml"
ENV = "application/vnd.docker.compose.envfile"
EMPTY_DIGEST = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
CONFIG = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": EMPTY_DIGEST, "size": 2}
PROJECT = "application/vnd.docker.compose.project"
HASH = "4808b1e8ba72343ca96b37575b9e329b10ae6873c0d8b23a6db204976b71f344"


def layer(content: str, name: str | None = "compose.yaml", **more: object) -> dict[str, object]:
    annotations = {} if name is None else {"com.docker.compose.file": name}
    if more.pop("extends", False):
        annotations["com.docker.compose.extends"] = "true"
    return {
        "mediaType": FILE,
        "digest": sha256(content.encode()),
        "size": len(content.encode()),
        "annotations": annotations,
        **more,
    }


def env_layer(content: str, name: str) -> dict[str, object]:
    return layer(content, annotations={"com.docker.compose.envfile": name}, mediaType=ENV)


def raw(*layers, **more) -> bytes:
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": PROJECT,
        "config": CONFIG,
        "layers": layers,
        **more,
    }
    return json.dumps(manifest).encode()


def manifest(*layers, **more) -> Manifest:
    content = raw(*layers, **more)
    return manifest_of(content, sha256(content))


def refused(content: bytes) -> str:
    with pytest.raises(ComposeError) as caught:
        manifest_of(content, sha256(content))
    return str(caught.value)


def rebuilt(*pairs: tuple[str, dict[str, object]]) -> dict[str, str]:
    """The files that Compose would write for layers, each given with its content."""
    blobs = {sha256(content.encode()): content.encode() for content, _ in pairs}
    files = files_of(manifest(*(described for _, described in pairs)), blobs)
    return {name: content.decode() for name, content in files.items()}


def one(content: str, *arguments, **more) -> tuple[str, dict[str, object]]:
    return content, layer(content, *arguments, **more)


def test_a_manifest_is_read():
    read = manifest(layer("services: {}\n"))

    assert read.is_compose
    assert read.layers == (
        Descriptor(
            FILE, sha256(b"services: {}\n"), 13, {"com.docker.compose.file": "compose.yaml"}
        ),
    )


def test_the_form_of_oci_1_0_has_no_artifact_type_but_its_own_config():
    empty = {**CONFIG, "mediaType": "application/vnd.docker.compose.config.empty.v1+json"}

    assert manifest(artifactType="", config=empty).is_compose
    assert manifest(artifactType=None, config=empty).is_compose
    assert not manifest(artifactType="application/vnd.other", config=empty).is_compose


def test_an_image_is_no_project():
    image = {**CONFIG, "mediaType": "application/vnd.oci.image.config.v1+json"}

    assert not manifest(artifactType="", config=image).is_compose
    assert not manifest(config=CONFIG, artifactType="application/vnd.cncf.helm").is_compose


def test_a_manifest_with_another_digest_is_refused():
    digest = sha256(b"other")
    with pytest.raises(ComposeError) as caught:
        manifest_of(raw(), digest)
    assert str(caught.value) == f"the manifest from the registry does not match its digest {digest}"


@cases(
    ("content", "reason"),
    [
        (b"not JSON", "cannot be read: "),
        (b"[]", "cannot be read: "),
        (b"{}", "cannot be read: "),
        (raw(layer("x", size="1")), "`$.layers[0].size`"),
        (b"[" * 100_000, "cannot be read: "),
    ],
)
def test_what_is_no_manifest_is_refused(content, reason):
    assert reason in refused(content)


@cases(
    ("text", "reason"),
    [
        (
            '"layers": [], "Layers": []',
            "the keys 'layers' and 'Layers' are the same key",
        ),
        (
            '"layers": [], "layers": []',
            "the keys 'layers' and 'layers' are the same key",
        ),
        ('"LAYERS": []', "the key 'LAYERS' must be written 'layers'"),
        ('"layer\u017f": []', "the key 'layer\u017f' must be written 'layers'"),
        ('"artifacttype": ""', "the key 'artifacttype' must be written 'artifactType'"),
    ],
)
def test_a_manifest_that_go_reads_otherwise_is_refused(text, reason):
    """encoding/json folds case and takes the last of two keys, so its layers would be others."""
    content = f'{{"config": {json.dumps(CONFIG)}, {text}}}'.encode()

    assert reason in refused(content)


def test_a_descriptor_that_go_reads_otherwise_is_refused():
    assert "the keys 'digest' and 'Digest'" in refused(raw(layer("x", Digest=EMPTY_DIGEST)))


@cases(
    ("layers", "reason"),
    [
        ([layer("x", digest="sha256:../../x")], "the digest 'sha256:../../x' of a layer is not"),
        ([layer("x", digest="md5:aa")], "the digest 'md5:aa' of a layer is not a SHA-256 digest"),
        ([layer("x", size=-1)], "has -1 bytes; the limit is 4 MiB"),
        ([layer("x", size=4 * 1024 * 1024 + 1)], "has 4,194,305 bytes; the limit is 4 MiB"),
        ([layer("x", size=4 * 1024 * 1024)] * 9, "the artifact has more than 32 MiB"),
        ([layer("x")] * 1001, "the artifact has more than 1000 layers"),
    ],
)
def test_layers_over_the_limits_are_refused_before_they_are_fetched(layers, reason):
    assert reason in refused(raw(*layers))


def test_a_blob_must_have_the_digest_and_the_size_that_the_manifest_says():
    described = Descriptor(FILE, sha256(b"abc"), 3)

    check_blob(b"abc", described)
    for content, size in [(b"abd", 3), (b"abc", 4)]:
        with pytest.raises(ComposeError, match="the blob from the registry does not match"):
            check_blob(content, Descriptor(FILE, described.digest, size))


def test_one_file_is_the_project():
    assert rebuilt(one("services: {}\n")) == {"compose.yaml": "services: {}\n"}


def test_several_files_are_documents_of_one():
    assert rebuilt(one("a: 1\n"), one("b: 2\n", "prod.yaml")) == {
        "compose.yaml": "a: 1\n\n---\nb: 2\n"
    }


def test_without_its_annotation_a_file_follows_with_no_separator():
    assert rebuilt(one("a: 1\n"), one("b: 2\n", None)) == {"compose.yaml": "a: 1\nb: 2\n"}


def test_an_extended_file_has_its_own_name():
    assert rebuilt(one("a: 1\n"), one("b: 2\n", f"{HASH}.yaml", extends=True)) == {
        "compose.yaml": "a: 1\n",
        f"{HASH}.yaml": "\n---\nb: 2\n",
    }


def test_an_extended_file_of_the_name_compose_yaml_is_part_of_the_project():
    """A forged artifact can say so, and Compose appends."""
    assert rebuilt(one("a: 1\n", extends=True), one("b: 2\n")) == {
        "compose.yaml": "a: 1\n\n---\nb: 2\n"
    }


def test_an_env_file_has_its_own_name_and_replaces_what_was_there():
    env = "NVIDIA_VISIBLE_DEVICES=all\n"

    assert rebuilt(one("a: 1\n"), (env, env_layer(env, f"{HASH}.env"))) == {
        "compose.yaml": "a: 1\n",
        f"{HASH}.env": env,
    }
    assert rebuilt(one("a: 1\n"), (env, env_layer(env, "compose.yaml"))) == {"compose.yaml": env}


def test_layers_of_other_kinds_count_but_make_no_file():
    other = ("x", layer("x", mediaType="application/octet-stream"))

    assert rebuilt(other, one("a: 1\n")) == {"compose.yaml": "\n---\na: 1\n"}


@cases("name", ["../evil.yaml", "a/b", "a\\b", "/etc/x", "", ".", ".."])
def test_a_file_name_that_leaves_the_folder_is_refused(name):
    with pytest.raises(ComposeError, match="has the invalid file name"):
        rebuilt(one("a: 1\n"), one("b: 2\n", name, extends=True))
    with pytest.raises(ComposeError, match="has the invalid file name"):
        rebuilt(one("a: 1\n"), ("x", env_layer("x", name)))


def test_an_artifact_without_a_compose_file_is_refused():
    with pytest.raises(ComposeError, match="the artifact contains no Compose file"):
        rebuilt(("x", env_layer("x", "a.env")))


def test_env_files_that_were_left_out_are_found():
    other = "263ac5e41c1c10ced455ec280a7481aa0a797c35484f0aa4d79a3efd9b720390"
    files = {
        "compose.yaml": f"env_file:\n - {HASH}.env\n - path: {other}.env\n   required: false\n"
        f"image: registry.example/x@sha256:{HASH}\n".encode(),
        f"{HASH}.env": b"A=1\n",
    }

    assert env_files_left_out(files) == [f"{other}.env"]
    assert env_files_left_out({**files, f"{other}.env": b""}) == []


@cases("name", ["a", "demo/simple", "a1.b_c__d-e--f/x", "a" * 255])
def test_names_of_repositories_are_taken(name):
    assert is_repository(name)


@cases(
    "name", ["", "A", "/a", "a/", "a//b", "a/../b", ".a", "a..b", "a?x", "a%2fb", "a" * 256, "a\n"]
)
def test_names_that_no_repository_has_are_refused(name):
    assert not is_repository(name)
