"""Fetch a Compose artifact from a registry, by digest.

In: a configured registry, the name of a repository, a digest. Out: the files of the project, or
None for a manifest that is not a Compose project. Errors: RegistryError when the registry fails,
ComposeError for an invalid artifact.
"""

from __future__ import annotations

from typing import Final

from policyd.config import RegistryAccess
from policyd.deadline import Deadline, remaining
from policyd.errors import RegistryError
from policyd.registry.artifact import (
    MANIFEST_TYPES,
    MAX_MANIFEST,
    check_blob,
    files_of,
    is_digest,
    is_repository,
    manifest_of,
)
from policyd.registry.transport import Remote, RepositoryReader

TOTAL_TIMEOUT: Final = 60.0
"""Seconds for a whole artifact."""


class RegistryClient:
    """Reads one registry. `password` is the password of its configured user."""

    def __init__(self, registry: RegistryAccess, password: str = "") -> None:
        self._remote = Remote(registry, password)

    def digest_of(self, repository: str, tag: str) -> str:
        """Return the digest of the manifest that `tag` names now. Raises RegistryError."""
        with (
            Deadline(remaining(TOTAL_TIMEOUT)) as deadline,
            RepositoryReader(self._remote, repository, deadline, MANIFEST_TYPES) as reader,
        ):
            digest = reader.digest(f"manifests/{tag}")
        if not is_digest(digest):
            raise RegistryError(f"the registry states no digest for {repository}:{tag}")
        return digest

    def project_files(self, repository: str, digest: str) -> dict[str, bytes] | None:
        """Return the files of the project whose manifest has `digest`, None for other artifacts.

        Raises RegistryError and ComposeError.
        """
        if not is_repository(repository) or not is_digest(digest):
            raise RegistryError(f"{repository}@{digest} is not a valid reference to a manifest")
        with (
            Deadline(remaining(TOTAL_TIMEOUT)) as deadline,
            RepositoryReader(self._remote, repository, deadline, MANIFEST_TYPES) as reader,
        ):
            content = reader.get(f"manifests/{digest}", MAX_MANIFEST)
            manifest = manifest_of(content, digest)
            if not manifest.is_compose:
                return None
            blobs: dict[str, bytes] = {}
            for layer in manifest.layers or ():
                if layer.digest not in blobs:
                    blobs[layer.digest] = reader.get(f"blobs/{layer.digest}", layer.size)
                check_blob(blobs[layer.digest], layer)
        return files_of(manifest, blobs)
