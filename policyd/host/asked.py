"""What a request asks of the engine, in the form of a Compose project with one service.

In: the keys of the service as Compose loads them. Out: Loaded, which policies evaluate as they
evaluate a project. Names come from the client: they are for people, and no right depends on them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NoReturn

import msgspec

from policyd.compose.nodes import Node
from policyd.compose.project import Project
from policyd.errors import RequestError
from policyd.loading import Loaded
from policyd.model import ImageConfig, NotEvaluated, Path
from policyd.workloads.extraction import extract
from policyd.workloads.image_configs import ImageConfigs, familiar

MAX_NAME: Final = 255
"""Characters of the name of a project or service."""

LABEL_PREFIX: Final = "com.docker.compose."
PROJECT_LABEL: Final = f"{LABEL_PREFIX}project"
SERVICE_LABEL: Final = f"{LABEL_PREFIX}service"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


class Asked(msgspec.Struct, frozen=True):
    """A request. `keys` are those of its only service, `volumes` the volumes that it names.

    Only violations at or below one of the paths `about`, which are relative to the service, count:
    all if there are none.
    """

    project: str
    service: str
    keys: dict[str, Any]
    volumes: dict[str, Any] = {}
    about: tuple[Path, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The paths `about` in the model."""
        return tuple(("services", self.service, *path) for path in self.about)

    def loaded(self, body: bytes, image_config: ImageConfig | None = None) -> Loaded:
        """Return the project; `body` is that of the request, `image_config` that of its image.

        Raises ComposeError where a limit is exceeded.
        """
        tree: dict[str, Any] = {"services": {self.service: self.keys}}
        if self.volumes:
            tree["volumes"] = self.volumes
        project = Project(self.project, "/", tree, {}, Node({}, None), {})
        image = self.keys.get("image", "")
        known = {familiar(image): image_config} if image and image_config else {}
        found = extract(project, _NO_FILES, ImageConfigs(known))
        not_evaluated: tuple[NotEvaluated, ...] = found.not_evaluated
        return Loaded(project, found.workloads, not_evaluated, digest_of(body), ())


def digest_of(body: bytes) -> str:
    """Return the digest of the body of a request, which decisions name."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class _NoFiles:
    """The files of a request: there are none."""

    def read(self, path: str) -> NoReturn:
        raise FileNotFoundError(path)

    def kind(self, path: str) -> Literal["file", "directory", ""]:  # noqa: ARG002
        return ""

    def display(self, path: str) -> str:
        return path

    def digest(self) -> str:
        return ""

    def names(self) -> tuple[str, ...]:
        return ()

    def shown(self, name: str) -> None:  # noqa: ARG002
        return None


_NO_FILES: Final = _NoFiles()


def names(labels: Mapping[str, str], otherwise: str) -> tuple[str, str]:
    """Return the names of the project and the service in `labels`, else "" and `otherwise`.

    Labels that Compose would not write name no project: the containers of a service are counted by
    their labels, so a name must be written in one way only. Raises RequestError for long names.
    """
    project, service = labels.get(PROJECT_LABEL, ""), labels.get(SERVICE_LABEL, "")
    for name in (project, service):
        if len(name) > MAX_NAME:
            raise RequestError(f"a label {LABEL_PREFIX}… has more than {MAX_NAME} characters")
    if _NAME.fullmatch(project) and _NAME.fullmatch(service):
        return project, service
    if len(otherwise) > MAX_NAME + 1:  # with a slash before it
        raise RequestError(f"the name has more than {MAX_NAME} characters")
    return "", otherwise.strip("/").replace("/", "-") or "container"


def project_of(labels: Mapping[str, str]) -> str:
    """Return the name of the project in `labels` of a volume, which has no service."""
    project = labels.get(PROJECT_LABEL, "")
    return project if len(project) <= MAX_NAME and _NAME.fullmatch(project) else ""


def own_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return `labels` without those that Compose adds."""
    return {name: value for name, value in labels.items() if not name.startswith(LABEL_PREFIX)}


def without_empty(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return `keys` without those that are not set."""
    return {key: value for key, value in keys.items() if value not in (None, "", 0, [], {}, False)}


def variables(entries: list[str]) -> dict[str, str | None]:
    """Return the variables in `entries`, NAME=VALUE each; the last of a name counts.

    An entry without "=" removes the variable of the image.
    """
    found: dict[str, str | None] = {}
    for entry in entries:
        name, is_set, value = entry.partition("=")
        found[name] = value if is_set else None
    return found


def numbered(volumes: dict[str, Any], name: str, definition: dict[str, Any]) -> str:
    """Add a volume to `volumes` and return its key: `name`, with a number if it is taken."""
    keys: Iterator[str] = (name if not n else f"{name} ({n + 1})" for n in range(len(volumes) + 1))
    key = next(key for key in keys if key not in volumes)
    volumes[key] = {"name": name, **definition}
    return key
