"""Read the configurations of images that a caller hands over, and find that of an image.

In: `Config` of `docker image inspect`, or `config` of an OCI image, by the reference of the image.
Out: ImageConfig by the shortest form of the reference; ImageConfigs finds them. Errors:
RequestError. Source: OCI image specification 1.1, config.md; distribution/reference (normalized and
familiar names).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Protocol

import msgspec

from policyd.errors import RequestError
from policyd.model import ImageConfig, Path
from policyd.workloads.model import Workload

MAX_CONFIGS: Final = 1_000
"""How many configurations a review may have."""

EMPTY_IMAGE: Final = "scratch"
"""What FROM calls the image without content. It is in no registry."""

_HUBS: Final = ("docker.io/", "index.docker.io/")


class DockerConfig(msgspec.Struct, frozen=True):
    """The keys of a configuration that are read; Docker writes null for empty ones."""

    env: list[str] | None = msgspec.field(name="Env", default=None)
    user: str | None = msgspec.field(name="User", default=None)
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)
    on_build: tuple[str, ...] | None = msgspec.field(name="OnBuild", default=None)

    def read(self) -> ImageConfig:
        """Return the configuration. The last entry of a variable counts."""
        pairs = (entry.partition("=") for entry in self.env or ())
        return ImageConfig(
            environment={variable: value for variable, _, value in pairs},
            user=self.user or "",
            labels=self.labels or {},
            on_build=self.on_build or (),
        )


_Configs = Annotated[dict[str, DockerConfig], msgspec.Meta(max_length=MAX_CONFIGS)]


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
        result[name] = config.read()
    return result


class ImageRequest(msgspec.Struct, frozen=True, order=True):
    """An image whose configuration is needed. `platform` is "" if the project names none."""

    reference: str
    platform: str


class ImagesRead(msgspec.Struct, frozen=True):
    """The configurations of the images that could be read, and why the others could not."""

    configs: Mapping[ImageRequest, ImageConfig]
    problems: Mapping[ImageRequest, str]


class ImageReader(Protocol):
    """Reads the configurations of images from where they are stored."""

    def read(self, wanted: Collection[ImageRequest]) -> ImagesRead:
        """Return the configuration of each of `wanted`, or a sentence that says why not."""


class ImageConfigs:
    """The configurations that are known: those that the caller hands over win."""

    def __init__(
        self,
        handed_over: Mapping[str, ImageConfig] = MappingProxyType({}),
        inspected: Mapping[ImageRequest, ImageConfig] = MappingProxyType({}),
    ) -> None:
        """`handed_over` is by the shortest form of the reference."""
        self._handed_over = handed_over
        self._inspected = inspected

    def find(self, reference: str, platform: str) -> ImageConfig | None:
        """Return the configuration of an image, None if it is not known."""
        handed_over = self._handed_over and self._handed_over.get(familiar(reference))
        return handed_over or self._inspected.get(ImageRequest(reference, platform))


def unknown_images(workloads: Iterable[Workload]) -> dict[ImageRequest, Path]:
    """Return the images that `workloads` run or are built from and whose configuration is missing.

    Each with the path in the model where it is first named. An image that the project builds is in
    no registry, or is another one there.
    """
    known = list(workloads)
    built = {familiar(each.image) for each in known if each.build and each.image}
    found: dict[ImageRequest, Path] = {}
    for each in known:
        request, path = ImageRequest(each.image, each.platform), (*each.path, "image")
        is_missing = familiar(each.image) not in built
        if each.build:
            request = ImageRequest(each.build.base, each.build.base_platform)
            path, is_missing = each.build.dockerfile_path, each.build.base != EMPTY_IMAGE
        if is_missing and request.reference and each.image_config is None:
            found.setdefault(request, path)
    return found


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
