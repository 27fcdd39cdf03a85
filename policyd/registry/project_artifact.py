"""Fetch the Compose project that a reference such as oci://registry.example/ml/train:1.0 names.

In: a reference, and the registries of the settings. Out: the project as Compose would run it, or an
error that says why there is none. Registries that are not configured are read without a login.
Errors: RegistryError, ComposeError, BundleError, ConfigError. Source: docker compose v5,
pkg/remote/oci.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from policyd.bundle import memory_bundle
from policyd.config import DOCKER_HUB, RegistryAccess, Settings
from policyd.errors import ComposeError, RegistryError
from policyd.loopback import is_loopback
from policyd.model import Bundle
from policyd.registry.artifact import PROJECT_FILE, env_files_left_out
from policyd.registry.client import RegistryClient
from policyd.registry.image_reference import parse
from policyd.settings_reader import read_password

SCHEME: Final = "oci://"
_HUB: Final = RegistryAccess(url="https://registry-1.docker.io", auth_hosts=("auth.docker.io",))


def fetched(reference: str, settings: Settings) -> Bundle:
    """Return the project that `reference`, which begins with SCHEME, names."""
    try:
        named = parse(reference.removeprefix(SCHEME))
    except RegistryError as error:
        raise RegistryError(f"{reference}: {error.message}") from error
    access, password = _access(named.host, settings)
    client = RegistryClient(access, password)
    digest = named.digest or client.digest_of(named.repository, named.tag)
    files = client.project_files(named.repository, digest)
    if files is None:
        raise RegistryError(f"{reference}: the artifact is not a Compose project")
    return project_of(files, digest)


def project_of(files: Mapping[str, bytes], digest: str) -> Bundle:
    """Return the project of an artifact as Compose runs it. Raises ComposeError, BundleError."""
    if names := env_files_left_out(files):
        raise ComposeError(
            f"the artifact is incomplete: it does not contain {', '.join(names)}; "
            "publish it with --with-env"
        )
    # Compose runs it in a folder named after the digest, which names the project by default.
    folder = f"/{digest.removeprefix('sha256:')}"
    return memory_bundle(files, (PROJECT_FILE,), root=folder)


def _access(host: str, settings: Settings) -> tuple[RegistryAccess, str]:
    """Return how the registry `host` is reached, and the password of its user."""
    for name, registry in settings.registries.items():
        if urlsplit(registry.url).netloc.lower() == host:
            return registry, read_password(registry, f"registries.{name}")
    for name, images in settings.image_registries.items():
        if images.host == host:
            return images, read_password(images, f"image_registries.{name}")
    if host == DOCKER_HUB:
        return _HUB, ""
    # As for Docker, a registry on this machine needs no TLS.
    is_local = is_loopback(urlsplit(f"//{host}").hostname or "")
    scheme = "http" if is_local else "https"
    return RegistryAccess(url=f"{scheme}://{host}", insecure=is_local), ""
