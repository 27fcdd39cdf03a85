"""Read the manifests and configurations of images.

In: what a registry sent for a digest. Out: which manifest of an index is for a platform, which blob
is the configuration, and the configuration. Pure; every digest and size is checked. Errors:
RegistryError, whose text contains no content but platforms and media types. Source: OCI image
specification 1.1; Docker image manifest version 2, schema 2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from policyd.errors import RegistryError
from policyd.limits import MIB
from policyd.model import ImageConfig
from policyd.registry import platforms
from policyd.registry.artifact import MANIFEST_TYPES, Descriptor, is_digest, sha256
from policyd.registry.json_keys import check_keys, folded
from policyd.registry.platforms import Platform
from policyd.workloads.image_configs import DockerConfig

INDEX_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
IMAGE_TYPES: Final = (*INDEX_TYPES, *MANIFEST_TYPES)
"""What a request must accept: for less a registry may answer another manifest, or 404."""
CONFIG_TYPES: Final = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
MAX_CONFIG: Final = MIB
"""Bytes of a configuration. Those of large public images have some 30 KiB."""

_MAX_LISTED: Final = 10
_ATTESTATION: Final = "vnd.docker.reference.type"
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9!#$&^_.+-]{1,127}")
_PLATFORM: Final = re.compile(r"[a-z0-9._-]{1,32}(/[a-z0-9._-]{1,32}){1,2}")


class _Platform(msgspec.Struct, frozen=True):
    architecture: str = ""
    os: str = ""
    variant: str = ""

    @property
    def platform(self) -> Platform:
        return platforms.platform(self.os, self.architecture, self.variant)


class _Entry(Descriptor, frozen=True, rename="camel"):
    platform: _Platform | None = None


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    """A manifest has `config` and `layers`, an index `manifests`."""

    media_type: str = ""
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] | None = None
    manifests: tuple[_Entry, ...] | None = None


class _File(_Platform, frozen=True):
    """The JSON of an image's configuration."""

    config: DockerConfig | None = None


class ReadConfig(NamedTuple):
    """A configuration and the platform of the image."""

    config: ImageConfig
    platform: Platform


def index_or_config(content: bytes, digest: str) -> tuple[_Entry, ...] | Descriptor:
    """Return the entries of the index in `content`, or the configuration that a manifest names."""
    if sha256(content) != digest:
        raise RegistryError("what the registry sent does not match the digest")
    try:
        json.loads(content, object_pairs_hook=_checked)
        document = msgspec.json.decode(content, type=_Document)
    except (ValueError, RecursionError) as error:
        raise RegistryError("the manifest is not valid") from error
    if document.media_type and document.media_type not in IMAGE_TYPES:
        raise RegistryError(f"{_named(document.media_type)} is not the media type of an image")
    is_index = document.manifests is not None
    if is_index and (document.config or document.layers is not None):
        raise RegistryError("the manifest is an index and an image at once")
    if document.media_type and is_index != (document.media_type in INDEX_TYPES):
        raise RegistryError("the manifest does not match its media type")
    if document.manifests is not None:
        return document.manifests
    if document.config is None:
        raise RegistryError("the manifest names no configuration")
    return _valid_config(document.config)


def manifest_for(entries: Sequence[_Entry], wanted: Platform) -> str:
    """Return the digest of the manifest for `wanted`, else of the only one, without a platform."""
    images = [entry for entry in entries if _is_image(entry)]
    by_platform = {
        entry.platform.platform: entry.digest for entry in reversed(images) if entry.platform
    }
    found = next((by_platform[one] for one in wanted.acceptable() if one in by_platform), "")
    if not found and len(images) == 1 and images[0].platform is None:
        found = images[0].digest
    if not found:
        shown = sorted(str(one) for one in by_platform if _PLATFORM.fullmatch(str(one)))
        has = f"; it has {', '.join(shown[:_MAX_LISTED])}" if shown else ""
        raise RegistryError(f"the image is not available for {wanted}{has}")
    if not is_digest(found):
        raise RegistryError("the index contains a digest that is not SHA-256")
    return found


def read_config(content: bytes, descriptor: Descriptor) -> ReadConfig:
    """Return the configuration in `content`, whose digest and size are in `descriptor`."""
    if len(content) != descriptor.size or sha256(content) != descriptor.digest:
        raise RegistryError("the configuration does not match its digest")
    try:
        _check_levels(json.loads(content, object_pairs_hook=_Pairs))
        file = msgspec.json.decode(content, type=_File)
    except (ValueError, RecursionError) as error:
        raise RegistryError("the configuration is not valid") from error
    return ReadConfig((file.config or DockerConfig()).read(), file.platform)


def _valid_config(descriptor: Descriptor) -> Descriptor:
    if descriptor.media_type not in CONFIG_TYPES:
        raise RegistryError(
            f"it is not an image: {_named(descriptor.media_type)} is not the media type of a "
            "configuration"
        )
    if not is_digest(descriptor.digest):
        raise RegistryError("the digest of the configuration is not SHA-256")
    if not 0 <= descriptor.size <= MAX_CONFIG:
        raise RegistryError(f"the configuration exceeds the limit of {MAX_CONFIG // MIB} MiB")
    return descriptor


def _is_image(entry: _Entry) -> bool:
    unknown = entry.platform is not None and "unknown" in (
        entry.platform.os,
        entry.platform.architecture,
    )
    return entry.media_type in MANIFEST_TYPES and not unknown and not entry.annotation(_ATTESTATION)


def _named(media_type: str) -> str:
    """Return `media_type` if it is one: the registry may have sent any text."""
    return media_type if _MEDIA_TYPE.fullmatch(media_type) else "the media type"


class _Pairs(list[tuple[str, Any]]):
    """An object of JSON with all its keys."""


_KNOWN_IN_MANIFEST: Final = folded(
    {*_Entry.__struct_encode_fields__, *_Document.__struct_encode_fields__}
    | {*_Platform.__struct_encode_fields__, "subject", "data", "urls"}
)
_KNOWN_IN_FILE: Final = folded(_File.__struct_encode_fields__)
_KNOWN_IN_CONFIG: Final = folded(DockerConfig.__struct_encode_fields__)


def _checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    check_keys(pairs, _KNOWN_IN_MANIFEST)
    return dict(pairs)


def _check_levels(file: object) -> None:
    """Check the keys that are read. The names of labels differ in case as they like."""
    pairs = file if isinstance(file, _Pairs) else _Pairs()
    check_keys(pairs, _KNOWN_IN_FILE)
    config = dict(pairs).get("config")
    if isinstance(config, _Pairs):
        check_keys(config, _KNOWN_IN_CONFIG)
