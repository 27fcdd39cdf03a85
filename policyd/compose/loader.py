"""Load the effective model of a bundle, as `docker compose config` does.

Source: compose-go v2.16.2 loader/loader.go (load, ModelToProject), types/project.go; docker/compose
v5.7.1 pkg/compose/loader.go.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from policyd.compose.context import LoadContext, Scope
from policyd.compose.evaluation import evaluated_project
from policyd.compose.nodes import Node
from policyd.compose.phases.assemble import LoadedFiles, ModelLoader
from policyd.compose.phases.invocation import Invocation, prepare
from policyd.compose.phases.normalize import normalize
from policyd.compose.phases.project_name import PROJECT_NAME, project_name
from policyd.compose.phases.unsupported import unsupported_warnings
from policyd.compose.project import Project
from policyd.errors import ComposeError
from policyd.model import Bundle, Location

_MAX_NAMED_VARIABLES: Final = 5
"""Variables that an error may name. A longer list would hide the error."""


def load(bundle: Bundle) -> Project:
    """Return the effective model of `bundle`, as Compose v5 loads it.

    Later files override earlier ones. `${VAR}` comes from `bundle.environment` and the environment
    files of the project: neither the process environment nor any other file is read, and nothing is
    fetched. Sizes in the model are strings of bytes ("536870912"), durations Go strings ("1m30s").

    Raises ComposeError, with a Location, for anything that Compose would refuse and for a project
    that exceeds a limit; NoComposeFile when there is nothing to load; BundleError for a Compose
    file that lies outside the bundle.
    """
    with _without_collector():
        return _load(bundle)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Disable the garbage collector: a load builds trees without cycles, so it finds nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _load(bundle: Bundle) -> Project:
    context = LoadContext(bundle)
    try:
        return _loaded(context)
    except ComposeError as error:
        error.variables = frozenset(context.variables)
        raise


def _loaded(context: LoadContext) -> Project:
    call = prepare(context)
    files = LoadedFiles(context)
    name = project_name(context, files, call)
    environment = {**call.environment, PROJECT_NAME: name}
    scope = Scope(call.directory, call.directory, environment)
    with _naming_variables(context):
        root = _model(context, files, call, scope, name)
        return evaluated_project(context, call, root, environment, name)


@contextmanager
def _naming_variables(context: LoadContext) -> Iterator[None]:
    """Add to an error the variables that have no value at its place: they may be the cause."""
    try:
        yield
    except ComposeError as error:
        names = {name for name, node in context.unresolved if node.location == error.where}
        if error.where is None or not 0 < len(names) <= _MAX_NAMED_VARIABLES:
            raise
        hint = f"{', '.join(sorted(names))} {'has' if len(names) == 1 else 'have'} no value here"
        raise ComposeError(f"{error.marked} ({hint})", error.where) from None


def _model(
    context: LoadContext, files: LoadedFiles, call: Invocation, scope: Scope, name: str
) -> Node:
    root = ModelLoader(context, files, scope).load(call.files)
    first_file = Location(context.display(call.files[0]))
    if not root.value:
        raise ComposeError("the Compose file is empty", first_file)
    if not name:
        raise ComposeError(
            "the project has no name: set `name`, or use a directory name with letters or digits",
            first_file,
        )
    context.warnings += unsupported_warnings(root)
    return normalize(root, name, scope.environment, context.effort, context.written)
