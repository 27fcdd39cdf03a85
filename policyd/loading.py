"""Load a project once, for every policy set that may decide on it.

In: a bundle. Out: what any decision on it needs: the project, its workloads, what could not be
evaluated, a digest; or the error for which Compose would refuse it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from policyd import compose
from policyd.compose.project import Project
from policyd.errors import ComposeError, RequestError
from policyd.model import Bundle, ImageConfig, InspectedImage, NotEvaluated
from policyd.policies.inline_requests import MARKER, Requests, inline_requests
from policyd.tracing import span
from policyd.workloads.credential_search import Credential, credentials
from policyd.workloads.extraction import extract
from policyd.workloads.image_configs import (
    ImageConfigs,
    ImageReader,
    ImageRequest,
    unknown_images,
)
from policyd.workloads.model import Workload

BLANK: Final = "the variable has no value here: it is blank, and may have any value at deployment"

UNREAD: Final = "its configuration was not read: "


class Loaded(msgspec.Struct, frozen=True):
    """A loaded project. `digest` covers all files that were read, `files` are their names.

    `images` are those whose configurations were read from registries. `credentials` are where its
    files contain some. `requests` are the comments that ask for an exception.
    """

    project: Project
    workloads: tuple[Workload, ...]
    not_evaluated: tuple[NotEvaluated, ...]
    digest: str
    files: tuple[str, ...]
    images: tuple[InspectedImage, ...] = ()
    credentials: tuple[Credential, ...] = ()
    requests: Requests = {}


class NotLoaded(msgspec.Struct, frozen=True):
    """A project that Compose would refuse. `digest` and `files` are as in Loaded."""

    error: ComposeError
    digest: str
    files: tuple[str, ...]


def prepare(bundle: Bundle, reader: ImageReader | None = None) -> Loaded | NotLoaded:
    """Return what decisions on the project in `bundle` need.

    `reader` reads the configurations of images that are not handed over. Raises NoComposeFile and
    BundleError, because there is no project to decide on.
    """
    try:
        return load_project(bundle, reader)
    except ComposeError as error:
        return NotLoaded(error, bundle.files.digest(), bundle.files.names())


def load_project(bundle: Bundle, reader: ImageReader | None = None) -> Loaded:
    """Return the project in `bundle`. Raises ComposeError, NoComposeFile and BundleError."""
    with span("load"):
        project = compose.load(bundle)
    with span("workloads"):
        found = extract(project, bundle.files, ImageConfigs(bundle.image_configs))
    unread: tuple[NotEvaluated, ...] = ()
    images: tuple[InspectedImage, ...] = ()
    if reader and (wanted := unknown_images(found.workloads)):
        with span("images"):
            read = reader.read(wanted)
        # A Dockerfile expands variables of its base image, so it is evaluated again.
        found = extract(project, bundle.files, ImageConfigs(bundle.image_configs, read.configs))
        images = tuple(_inspected(read.configs))
        unread = tuple(
            NotEvaluated("image", one.reference, UNREAD + reason, project.locate(wanted[one]))
            for one, reason in sorted(read.problems.items())
        )
    not_evaluated = (*project.not_evaluated, *found.not_evaluated, *unread)
    return Loaded(
        project=project,
        workloads=found.workloads,
        not_evaluated=(*not_evaluated, *_blank_variables(project)),
        digest=bundle.files.digest(),
        files=bundle.files.names(),
        images=images,
        credentials=credentials(project),
        requests=_requests(bundle),
    )


def loaded_name(bundle: Bundle) -> str:
    """Return the name of the project in `bundle`. Raises NoComposeFile, RequestError."""
    loaded = prepare(bundle)
    if isinstance(loaded, NotLoaded):
        raise RequestError(
            f"the project does not load ({loaded.error}), so its name is not known; "
            "a DELETE needs no files if it names the project"
        )
    return loaded.project.name


def _requests(bundle: Bundle) -> Requests:
    """Return the requests for exceptions in the comments of the files of `bundle`."""
    found: dict[tuple[str, int], dict[str, str]] = {}
    for name in bundle.files.names():
        content = bundle.files.shown(name) or b""
        if MARKER in content:
            requested = inline_requests(content.decode("utf-8", "replace"))
            found |= {(name, line): reasons for line, reasons in requested.items()}
    return found


def _inspected(configs: Mapping[ImageRequest, ImageConfig]) -> Iterator[InspectedImage]:
    for request, config in sorted(configs.items()):
        yield InspectedImage(request.reference, config.platform, config.digest)


def _blank_variables(project: Project) -> list[NotEvaluated]:
    """Return the variables without a value, each at its first use."""
    first = {use.variable: use.location for use in reversed(project.unresolved)}
    return [NotEvaluated("variable", f"${{{name}}}", BLANK, first[name]) for name in sorted(first)]
