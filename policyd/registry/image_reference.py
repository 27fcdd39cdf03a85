"""Parse references to images as Docker does.

In: a reference as a project writes it. Out: host, repository, tag and digest. Errors:
RegistryError. Source: distribution/reference v0.6, normalize.go and regexp.go.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from policyd.config import DOCKER_HUB
from policyd.errors import RegistryError
from policyd.registry.artifact import MAX_REPOSITORY, is_digest, is_repository

_OLD_HUB: Final = "index.docker.io"
_OFFICIAL: Final = "library/"
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{64}")
_IS_HOST: Final = re.compile(r"[.:A-Z]")


class ImageReference(NamedTuple):
    """An image in a registry. With a digest, "" if there is none, the tag has no meaning."""

    host: str
    repository: str
    tag: str
    digest: str


def parse(text: str) -> ImageReference:
    """Return the image that `text` refers to: without a host on Docker Hub, without a tag `latest`.

    The host is in lower case. Raises RegistryError for a reference that is not valid, and for a
    digest that is not SHA-256.
    """
    name, at, digest = text.partition("@")
    folder, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    name = f"{folder}{slash}{last}"
    host, slash, repository = name.partition("/")
    if not slash or not (_IS_HOST.search(host) or host == "localhost"):
        host, repository = DOCKER_HUB, name
    host = DOCKER_HUB if host.lower() == _OLD_HUB else host.lower()
    if host == DOCKER_HUB and "/" not in repository:
        repository = _OFFICIAL + repository
    if (
        len(name) > MAX_REPOSITORY
        or not is_repository(repository)
        or (colon and not _TAG.fullmatch(tag))
        or (at and not is_digest(digest))
        or _IDENTIFIER.fullmatch(name)
    ):
        raise RegistryError("it is not a valid image reference")
    return ImageReference(host, repository, tag or "latest", digest)
