"""Read the configurations of images that a caller hands over, and find that of a workload.

In: `Config` of `docker image inspect`, or `config` of an OCI image, by the reference of the image.
Out: ImageConfig by the shortest form of the reference. Errors: RequestError. Source: OCI image
specification 1.1, config.md; distribution/reference (normalized and familiar names).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from policyd.errors import RequestError
from policyd.model import ImageConfig

MAX_CONFIGS: Final = 1_000
"""How many configurations a review may have."""

_HUBS: Final = ("docker.io/", "index.docker.io/")


class _Config(msgspec.Struct, frozen=True):
    """The keys that are read; Docker writes null for empty ones."""

    env: list[str] | None = msgspec.field(name="Env", default=None)
    user: str | None = msgspec.field(name="User", default=None)
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)


_Configs = Annotated[dict[str, _Config], msgspec.Meta(max_length=MAX_CONFIGS)]


def image_configs(value: Mapping[str, Any]) -> dict[str, ImageConfig]:
    """Return the configurations in `value`, a mapping from references to configurations.

    Raises RequestError for another form, and for two configurations of one image.
    """
    try:
        found = msgspec.convert(value, _Configs)
    except msgspec.ValidationError as error:
        raise RequestError(f"imageConfigs: {error}") from error
    result: dict[str, ImageConfig] = {}
    for reference, config in found.items():
        name = familiar(reference)
        if name in result:
            raise RequestError(f"imageConfigs: two configurations of the image {name!r}")
        pairs = (entry.partition("=") for entry in config.env or ())
        result[name] = ImageConfig(
            environment={variable: value for variable, _, value in pairs},
            user=config.user or "",
            labels=config.labels or {},
        )
    return result


def familiar(reference: str) -> str:
    """Return the shortest form of an image reference: a digest makes the tag meaningless."""
    for hub in _HUBS:
        reference = reference.removeprefix(hub)
    reference = reference.removeprefix("library/")
    name, at, digest = reference.partition("@")
    head, slash, last = name.rpartition("/")
    repository, _, tag = last.partition(":")
    if at:
        return f"{head}{slash}{repository}@{digest}"
    return f"{head}{slash}{repository}:{tag or 'latest'}"
