"""Read a Compose project from an OCI artifact, as `docker compose publish` writes it.

In: the bytes of a manifest and of its blobs. Out: the descriptors of the blobs, and the files that
Compose extracts for `oci://…`. Pure; every digest and size is checked. Errors: ComposeError for an
artifact that Compose would refuse or might read differently. Source: OCI image specification 1.1;
docker compose v5, pkg/remote/oci.go.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from policyd.errors import ComposeError
from policyd.limits import MAX_BUNDLE, MAX_FILE, MAX_FILES, MIB
from policyd.registry.json_keys import check_keys, folded

COMPOSE_PROJECT: Final = "application/vnd.docker.compose.project"
EMPTY_CONFIG: Final = "application/vnd.docker.compose.config.empty.v1+json"
"""The media type of the config in OCI 1.0 artifacts, which have no artifactType."""
COMPOSE_FILE: Final = "application/vnd.docker.compose.file+yaml"
ENV_FILE: Final = "application/vnd.docker.compose.envfile"
FILE_NAME: Final = "com.docker.compose.file"
EXTENDS: Final = "com.docker.compose.extends"
ENV_NAME: Final = "com.docker.compose.envfile"
PROJECT_FILE: Final = "compose.yaml"
MANIFEST_TYPES: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
MAX_REPOSITORY: Final = 255
"""Characters in the name of a repository. The limit is that of distribution."""

MAX_MANIFEST: Final = 4 * MIB
"""Bytes of a manifest. Registries refuse larger ones."""

_LEFT_OUT: Final = re.compile(rb"(?<![0-9A-Za-z])[0-9a-f]{64}\.env(?![0-9A-Za-z])")
"""The name that `publish` writes instead of the path of an env_file."""


_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """A reference to a blob: `digest` is "sha256:…", `size` is in bytes."""

    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] | None = None

    def annotation(self, name: str) -> str | None:
        """Return the annotation `name`, None if it is missing."""
        return (self.annotations or {}).get(name)


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """The fields of an OCI image manifest that Compose uses."""

    config: Descriptor
    layers: tuple[Descriptor, ...] | None = None
    artifact_type: str | None = None

    @property
    def is_compose(self) -> bool:
        """Whether Compose treats the artifact as a project."""
        if self.artifact_type:
            return self.artifact_type == COMPOSE_PROJECT
        return self.config.media_type == EMPTY_CONFIG


def manifest_of(content: bytes, digest: str) -> Manifest:
    """Return the manifest in `content`. Raises ComposeError, also for another digest."""
    if sha256(content) != digest:
        raise ComposeError(f"the manifest from the registry does not match its digest {digest}")
    try:
        json.loads(content, object_pairs_hook=_unambiguous)
        manifest = msgspec.json.decode(content, type=Manifest)
    except (ValueError, RecursionError) as error:
        raise ComposeError(f"the manifest {digest} cannot be read: {error}") from error
    if manifest.is_compose:
        _check_layers(manifest.layers or ())
    return manifest


def check_blob(content: bytes, layer: Descriptor) -> None:
    """Raise ComposeError when `content` does not match the digest and size in `layer`."""
    if len(content) != layer.size or sha256(content) != layer.digest:
        raise ComposeError(f"the blob from the registry does not match its digest {layer.digest}")


def files_of(manifest: Manifest, blobs: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files that Compose extracts from `manifest`, by name. `blobs` are by digest.

    Several Compose files become documents of one `compose.yaml`. Raises ComposeError for an invalid
    file name, and when there is no Compose file.
    """
    files: dict[str, bytes] = {}
    for number, layer in enumerate(manifest.layers or ()):
        content = blobs[layer.digest]
        if layer.media_type == ENV_FILE:
            files[_name(layer, ENV_NAME)] = content
        elif layer.media_type == COMPOSE_FILE:
            extends = layer.annotation(EXTENDS) is not None
            name = _name(layer, FILE_NAME) if extends else PROJECT_FILE
            named = layer.annotation(FILE_NAME) is not None
            separator = b"\n---\n" if number and named else b""
            files[name] = files.get(name, b"") + separator + content
    if PROJECT_FILE not in files:
        raise ComposeError("the artifact contains no Compose file")
    return files


def env_files_left_out(files: Mapping[str, bytes]) -> list[str]:
    """Return the env files that the project names but the artifact lacks, sorted.

    `publish` omits them unless it is called with --with-env.
    """
    named = {
        found.group().decode()
        for name, content in files.items()
        if not name.endswith(".env")
        for found in _LEFT_OUT.finditer(content)
    }
    return sorted(named - files.keys())


def is_digest(text: str) -> bool:
    """Return whether `text` is "sha256:" and 64 hexadecimal digits."""
    return re.fullmatch(r"sha256:[0-9a-f]{64}", text) is not None


def is_repository(name: str) -> bool:
    """Return whether `name` is a valid repository name by the grammar of distribution."""
    return len(name) <= MAX_REPOSITORY and _REPOSITORY.fullmatch(name) is not None


def sha256(content: bytes) -> str:
    """Return the digest of `content`: "sha256:…"."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


_KNOWN: Final = folded(
    (
        *Descriptor.__struct_encode_fields__,
        *Manifest.__struct_encode_fields__,
        *("subject", "data", "urls"),
    )
)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    check_keys(pairs, _KNOWN)
    return dict(pairs)


def _check_layers(layers: Sequence[Descriptor]) -> None:
    if len(layers) > MAX_FILES:
        raise ComposeError(f"the artifact has more than {MAX_FILES} layers")
    for layer in layers:
        if not is_digest(layer.digest):
            raise ComposeError(f"the digest {layer.digest!r} of a layer is not a SHA-256 digest")
        if not 0 <= layer.size <= MAX_FILE:
            raise ComposeError(
                f"the layer {layer.digest} has {layer.size:,} bytes; "
                f"the limit is {MAX_FILE // MIB} MiB"
            )
    if sum(layer.size for layer in layers) > MAX_BUNDLE:
        raise ComposeError(f"the artifact has more than {MAX_BUNDLE // MIB} MiB")


def _name(layer: Descriptor, annotation: str) -> str:
    name = layer.annotation(annotation) or ""
    if name in ("", ".", "..") or re.search(r"[/\\\0]", name):
        raise ComposeError(f"the layer {layer.digest} has the invalid file name {name!r}")
    return name
