"""Read what the Docker daemon knows of images and volumes from its files.

In: the folder of the daemon's data. Out: what the daemon would say of an image or a volume. The
daemon itself cannot be asked while it waits for a runtime: at boot, it starts containers before it
answers requests. Errors: RequestError. Sources: moby image/fs.go (imagedb), volume/local/local.go
(opts.json), daemon/container (ImageManifest); containerd plugins/content/local (blobs).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from policyd.errors import RequestError
from policyd.host.engine_client import EngineClient
from policyd.host.engine_info import EngineInfo
from policyd.host.folded_json import Fields, read_object

MAX_FILE: Final = 16 << 20
"""Bytes of a file."""
_CONTAINERD: Final = Path("/var/lib/containerd")
"""The folder of a containerd that is not part of the daemon."""
_BLOBS: Final = Path("io.containerd.content.v1.content/blobs/sha256")
_IMAGE: Final = re.compile(r"sha256:([0-9a-f]{64})")
_ID: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class EngineFiles:
    """The files of one daemon."""

    def __init__(self, root: str, driver: str, engine: EngineClient, manifest: str = "") -> None:
        """`driver` is the name of the storage driver; `engine` is asked for other images.

        `manifest` is the digest of the image's manifest, where containerd keeps the images.
        """
        self._root = Path(root)
        self._driver = driver
        self._engine = engine
        self._manifest = manifest

    def image(self, name: str) -> Fields | None:
        """Return the image with the id `name`; the daemon is asked if it keeps images elsewhere.

        None if there is none. Raises EngineUnavailable.
        """
        found = _IMAGE.fullmatch(name)
        if not found or not _NAME.fullmatch(self._driver):
            return self._engine.image(name)
        folder = self._root / "image" / self._driver / "imagedb" / "content" / "sha256"
        return (
            optional_object(folder / found[1]) or self._of_containerd() or self._engine.image(name)
        )

    def _of_containerd(self) -> Fields | None:
        """Return the configuration of the image that has the manifest, None if it is not found."""
        for folder in (self._root / "containerd" / "daemon", _CONTAINERD):
            manifest = _blob(folder, self._manifest)
            config = manifest.object("config").text("digest") if manifest else ""
            if found := _blob(folder, config):
                return found
        return None

    def volume(self, name: str) -> Fields | None:
        """Return the volume `name`, None if it is a plain one."""
        if not _NAME.fullmatch(name):
            return None
        options = optional_object(self._root / "volumes" / name / "opts.json")
        if options is None:
            return None
        named = {"type": "MountType", "o": "MountOpts", "device": "MountDevice"}
        given = {key: options.text(field) for key, field in named.items() if options.text(field)}
        return Fields({"Driver": "local", "Options": given})

    def container(self, name: str) -> Fields | None:
        """Return the container with the id `name`, without its HostConfig; None for a name."""
        if not _ID.fullmatch(name):
            return None
        return optional_object(self._root / "containers" / name / "config.v2.json")

    def info(self) -> EngineInfo:
        """Return where the files are: the runtimes are settings of the daemon."""
        return EngineInfo(root=str(self._root))

    def running(self, labels: object) -> list[str]:  # noqa: ARG002
        """Return []: files do not say what runs."""
        return []


def _blob(folder: Path, digest: str) -> Fields | None:
    """Return the object `digest` that the containerd in `folder` has, None if it has none."""
    found = _IMAGE.fullmatch(digest)
    return optional_object(folder / _BLOBS / found[1]) if found else None


def object_in(path: Path) -> Fields:
    """Return the object in the file at `path`. Raises RequestError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise RequestError(f"{path}: cannot read the file: {error.strerror}") from error
    if len(content) > MAX_FILE:
        raise RequestError(f"{path}: the file is too large")
    return read_object(content)


def optional_object(path: Path) -> Fields | None:
    """Return the object in the file at `path`, or None if the file does not exist.

    Raises RequestError if the file cannot be read.
    """
    return object_in(path) if path.exists() else None
