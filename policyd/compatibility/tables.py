"""The tables of images and drivers: data of a policy set, under `policyd.tables`.

In: the data of a policy set. Out: Tables, checked. policies/governance/data.yaml describes each
table and names its source; a policy set extends them with data files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from policyd.compatibility.requirements import version_key
from policyd.errors import PolicySetError
from policyd.lazy_pattern import lazy_pattern

ANY_BRAND: Final = "any"
LISTED: Final = "list"
NONE: Final = "none"

_DIGITS: Final = lazy_pattern(r"[0-9]+")


class ImageRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Images that are alike, by a pattern whose first group says the version.

    `versions` gives the version of the toolkit for the text of that group; without it the group is
    the version, and without a group it is `version`. `require` is what NVIDIA_REQUIRE_CUDA asks
    for: `list` (of the version), `list:X.Y`, `none`, or the condition. `compat` says that the image
    holds the libraries of forward compatibility; `approximate` that the version is not certain.
    """

    pattern: str
    versions: dict[str, str] = {}
    version: str = ""
    require: str = LISTED
    compat: bool = False
    approximate: bool = False


class RequirementRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What nvidia/cuda images of one version require: branches of the driver by group of brands."""

    builds: tuple[dict[str, tuple[int | str, ...]], ...] = ()
    arm64: str = ""
    incomplete: bool = False


class _Data(msgspec.Struct, frozen=True):
    cuda_images: dict[str, ImageRow] = {}
    cuda_drivers: dict[str, str] = {}
    cuda_minor_version_drivers: dict[str, str] = {}
    cuda_brands: dict[str, tuple[str, ...]] = {}
    cuda_requirements: dict[str, RequirementRow] = {}
    cuda_architectures: dict[str, str] = {}
    consumer_brands: dict[str, bool] = {}
    rocm_images: dict[str, ImageRow] = {}
    rocm_drivers: dict[str, str] = {}
    habana_images: dict[str, ImageRow] = {}


class KnownImage(msgspec.Struct, frozen=True):
    """What a table says about an image: the row, and the version of the toolkit, "" if unknown."""

    row: ImageRow
    version: str


class Tables:
    """The tables of one policy set, ready for use."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Read the data of a policy set. Raises PolicySetError for tables that are not valid."""
        tables = data.get("policyd", {}).get("tables", {})
        try:
            self.data = msgspec.convert(tables, _Data)
            self._cuda = _compiled(self.data.cuda_images)
            self._rocm = _compiled(self.data.rocm_images)
            self._habana = _compiled(self.data.habana_images)
        except (msgspec.ValidationError, re.error) as error:
            raise PolicySetError(f"policyd.tables: {error}") from error

    def cuda_image(self, image: str) -> KnownImage | None:
        """Return what is known of an image for NVIDIA GPUs, None for other images."""
        return _known(self._cuda, image)

    def rocm_version(self, image: str) -> str:
        """Return the version of ROCm in an image, "" if unknown."""
        known = _known(self._rocm, image)
        return known.version if known else ""

    def habana_version(self, image: str) -> str:
        """Return the version of the Intel Gaudi software in an image, "" if unknown."""
        known = _known(self._habana, image)
        return known.version if known else ""

    def requirements(self, version: str, is_arm64: bool) -> tuple[str, ...]:
        """Return the known values of NVIDIA_REQUIRE_CUDA of nvidia/cuda images, newest first."""
        minor = major_minor(version)
        row = self.data.cuda_requirements.get(minor, RequirementRow())
        if not row.builds or (is_arm64 and row.arm64):
            return (f"cuda>={minor}",)
        return tuple(
            " ".join((f"cuda>={minor}", *self._alternatives(build))) for build in row.builds
        )

    def is_incomplete(self, version: str) -> bool:
        """Return whether the list of a version is not known, or only its first condition."""
        row = self.data.cuda_requirements.get(major_minor(version))
        return row is None or row.incomplete

    def driver_for(self, version: str, *, minor_version: bool) -> str:
        """Return the oldest driver for a version of CUDA, "" if it is in no table.

        With `minor_version` any driver of the same major version of CUDA suffices (from CUDA 11).
        """
        major = version.partition(".")[0]
        if minor_version and major in self.data.cuda_minor_version_drivers:
            return self.data.cuda_minor_version_drivers[major]
        drivers = self.data.cuda_drivers
        exact = ".".join(version.split(".")[:3])
        return drivers.get(exact) or drivers.get(major_minor(version), "")

    def oldest_architecture(self, version: str) -> str:
        """Return the oldest compute capability that a version of CUDA has code for."""
        return self.data.cuda_architectures.get(version.partition(".")[0], "")

    def _alternatives(self, build: Mapping[str, tuple[int | str, ...]]) -> Iterator[str]:
        for group, branches in build.items():
            brands = self.data.cuda_brands.get(group, (group,)) if group != ANY_BRAND else ("",)
            for branch in branches:
                found = _DIGITS.search(str(branch))
                first = int(found[0]) if found else 0
                condition = f"driver>={first}"
                if isinstance(branch, int) or not branch.startswith(">="):
                    condition += f",driver<{first + 1}"
                for brand in brands:
                    yield f"brand={brand},{condition}" if brand else condition


def major_minor(version: str) -> str:
    """Return the first two numbers of a version."""
    return ".".join(version.split(".")[:2])


def is_older(version: str, than: str) -> bool:
    """Return whether a dotted version is older than another."""
    return version_key(version) < version_key(than)


_Compiled = tuple[tuple[re.Pattern[str], ImageRow], ...]


def _compiled(rows: Mapping[str, ImageRow]) -> _Compiled:
    return tuple((re.compile(row.pattern, re.ASCII), row) for row in rows.values())


def _known(rows: _Compiled, image: str) -> KnownImage | None:
    for pattern, row in rows:
        if match := pattern.search(image):
            said = match[1] if pattern.groups and match[1] else ""
            version = row.versions.get(said, row.version) if row.versions else said or row.version
            return KnownImage(row, version)
    return None
