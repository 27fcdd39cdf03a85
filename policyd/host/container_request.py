"""Read a request to create a container as the service that Compose would create it for.

In: the body of POST /containers/create, or the description of a container. Out: Asked. Errors:
RequestError. Sources: Docker Engine API 1.41 and 1.51, ContainerCreate; moby 20.10
runconfig/config_unix.go (getHostConfig: fields at the top stand for HostConfig in old requests);
docker/compose 5.7 pkg/compose/create.go, read backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from policyd.host.asked import Asked, names, own_labels, variables, without_empty
from policyd.host.folded_json import Fields
from policyd.host.host_config import host_keys
from policyd.host.request_mounts import Mounts

Definition = Callable[[str], Mapping[str, Any]]
"""Returns the definition of the volume of a name, as in Compose; {} for a plain one."""


def no_volumes(name: str) -> Mapping[str, Any]:  # noqa: ARG001
    """Return {}: nothing is known of the volumes of the engine."""
    return {}


def read_creation(
    body: Fields, name: str = "", platform: str = "", volume: Definition = no_volumes
) -> Asked:
    """Return what a request to create a container asks for.

    `name` is that of the container, `volume` looks up volumes that exist. Raises RequestError.
    """
    # Without HostConfig, old daemons take its fields from the top of the request.
    host = body.object("HostConfig") if body.has("HostConfig") else body
    return read_container(body, host, name, platform, volume)


def read_container(
    body: Fields, host: Fields, name: str, platform: str, volume: Definition
) -> Asked:
    """Return a container with the configuration `body` and the HostConfig `host`."""
    labels = body.pairs("Labels")
    project, service = names(labels, name)
    mounts = Mounts(volume)
    mounts.read(body, host)
    keys = {
        **_config_keys(body),
        "labels": own_labels(labels),
        "platform": platform,
        **host_keys(host),
        "volumes": mounts.entries,
    }
    return Asked(project, service, without_empty(keys), mounts.volumes)


def _config_keys(body: Fields) -> dict[str, Any]:
    """Return the keys that come from the configuration of the container itself."""
    return {
        "image": body.text("Image"),
        "user": body.text("User"),
        "environment": variables(body.texts("Env")),
        "entrypoint": body.texts("Entrypoint"),
        "command": body.texts("Cmd"),
        "working_dir": body.text("WorkingDir"),
        "hostname": body.text("Hostname"),
        "tty": body.flag("Tty"),
        "stdin_open": body.flag("OpenStdin"),
        "healthcheck": _healthcheck(body.object("Healthcheck")),
        "networks": _networks(body),
    }


def _healthcheck(check: Fields) -> dict[str, Any]:
    test = check.texts("Test")
    return {"test": test} if test else {}


def _networks(body: Fields) -> dict[str, None]:
    endpoints = body.object("NetworkingConfig").keys("EndpointsConfig")
    return dict.fromkeys(endpoints)
