"""Load a project once, for every policy set that may decide on it.

In: a bundle. Out: what any decision on it needs: the project, its workloads, what could not be
evaluated, a digest; or the error for which Compose would refuse it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from policyd import compose
from policyd.compose.project import Project
from policyd.errors import ComposeError
from policyd.model import Bundle, NotEvaluated
from policyd.workloads.extraction import extract
from policyd.workloads.image_configs import ImageConfigs
from policyd.workloads.model import Workload

BLANK: Final = "the variable has no value here: it is blank, and may have any value at deployment"


class Loaded(msgspec.Struct, frozen=True):
    """A loaded project. `digest` covers all files that were read, `files` are their names."""

    project: Project
    workloads: tuple[Workload, ...]
    not_evaluated: tuple[NotEvaluated, ...]
    digest: str
    files: tuple[str, ...]


class NotLoaded(msgspec.Struct, frozen=True):
    """A project that Compose would refuse. `digest` and `files` are as in Loaded."""

    error: ComposeError
    digest: str
    files: tuple[str, ...]


def prepare(bundle: Bundle) -> Loaded | NotLoaded:
    """Return what decisions on the project in `bundle` need.

    Raises NoComposeFile and BundleError, because there is no project to decide on.
    """
    try:
        return load_project(bundle)
    except ComposeError as error:
        return NotLoaded(error, bundle.files.digest(), bundle.files.names())


def load_project(bundle: Bundle) -> Loaded:
    """Return the project in `bundle`. Raises ComposeError, NoComposeFile and BundleError."""
    project = compose.load(bundle)
    found = extract(project, bundle.files, ImageConfigs(bundle.image_configs))
    not_evaluated = (*project.not_evaluated, *found.not_evaluated)
    return Loaded(
        project=project,
        workloads=found.workloads,
        not_evaluated=(*not_evaluated, *_blank_variables(project)),
        digest=bundle.files.digest(),
        files=bundle.files.names(),
    )


def _blank_variables(project: Project) -> list[NotEvaluated]:
    """Return the variables without a value, each at its first use."""
    first = {use.variable: use.location for use in reversed(project.unresolved)}
    return [NotEvaluated("variable", f"${{{name}}}", BLANK, first[name]) for name in sorted(first)]
