"""Warn of keys that the schema accepts and docker compose ignores.

In: the tree of a project, after all files are merged. Out: warnings. A misspelt key of a GPU
request is one of them: all GPUs are still requested. Source: docker/compose v5.7.1
internal/projectloader/unsupported_attributes.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policyd.compose.nodes import Node
from policyd.compose.phases.validation import entries, items
from policyd.compose.table.fields import PROJECT
from policyd.compose.text.model_paths import dotted
from policyd.masking import visible
from policyd.model import Path

MAX_WARNINGS: Final = 50
"""Warnings of this kind for one project. More of them would not be read."""

_SWARM: Final = "only Docker Swarm uses this key"
_DEPLOY: Final = (
    "endpoint_mode",
    "labels",
    "mode",
    "placement",
    "rollback_config",
    "update_config",
)
_RESOURCES: Final = (("configs", "labels"), ("secrets", "driver_opts"), ("secrets", "labels"))
_REQUEST: Final = PROJECT.at("services", "*", "gpus", "[]")

_Finding = tuple[Path, Node, str]


def unsupported_warnings(root: Node) -> list[str]:
    """Return a warning for each ignored key of `root`, in order of their paths."""
    found = sorted(_findings(root), key=lambda finding: tuple(map(str, finding[0])))
    warnings = [
        f"{node.location}: {visible(dotted(path))}: {reason}"
        for path, node, reason in found[:MAX_WARNINGS]
    ]
    if len(found) > MAX_WARNINGS:
        warnings.append(f"{len(found) - MAX_WARNINGS} more keys are ignored by docker compose")
    return warnings


def _findings(root: Node) -> Iterator[_Finding]:
    for name, service in entries(root, "services"):
        yield from _of_service(("services", name), service)
        yield from _of_requests(("services", name), service)
        for index, hook in enumerate(items(service, "pre_start")):
            yield from _of_requests(("services", name, "pre_start", index), hook)
    for name, job in entries(root, "jobs"):
        yield from _of_requests(("jobs", name), job)
    for kind, key in _RESOURCES:
        for name, resource in entries(root, kind):
            if key in resource.value:
                yield (kind, name, key), resource.value[key], _SWARM


def _of_service(path: Path, service: Node) -> Iterator[_Finding]:
    for key, child in entries(service, "deploy"):
        if key in _DEPLOY:
            yield (*path, "deploy", key), child, _SWARM
    if "credential_spec" in service.value:
        yield (*path, "credential_spec"), service.value["credential_spec"], _SWARM
    for section, key, value in (("ports", "mode", "host"), ("volumes", "type", "cluster")):
        for index, item in enumerate(items(service, section)):
            if key in item.value and item.value[key].value == value:
                reason = f"only Docker Swarm uses the {key} `{value}`"
                yield (*path, section, index, key), item.value[key], reason


def _of_requests(path: Path, container: Node) -> Iterator[_Finding]:
    for index, request in enumerate(items(container, "gpus")):
        for key, child in request.value.items():
            if key not in _REQUEST.children and not key.startswith("x-"):
                reason = "docker compose ignores this key of a GPU request"
                yield (*path, "gpus", index, key), child, reason
