"""Determine the name of a project.

In: an invocation and the documents of its files. Out: the name, "" where there is none. Source:
compose-go v2.16.2 loader/loader.go (projectName, NormalizeProjectName).
"""

from __future__ import annotations

from typing import Final

from policyd.compose.context import LoadContext
from policyd.compose.phases.assemble import LoadedFiles
from policyd.compose.phases.invocation import Invocation
from policyd.compose.text.template import TemplateError, substitute
from policyd.errors import ComposeError
from policyd.lazy_pattern import lazy_pattern
from policyd.limits import MAX_NAME
from policyd.masking import in_quotes
from policyd.model import Location

PROJECT_NAME: Final = "COMPOSE_PROJECT_NAME"
"""The variable that holds the name: the caller may set it, and the files may use it."""

_NOT_IN_NAMES: Final = lazy_pattern(r"[^a-z0-9_-]")


def project_name(context: LoadContext, files: LoadedFiles, call: Invocation) -> str:
    """Return the name of the project, normalized.

    The caller's choice wins over `name` in the files, and that over the name of the directory.
    Raises ComposeError for a name of the caller that is not normalized, for a `name` that cannot be
    interpolated, and for a name over MAX_NAME.
    """
    name = _chosen(context, files, call)
    if len(name) > MAX_NAME:
        raise ComposeError(
            f"the name of the project has {len(name):,} bytes; the limit is {MAX_NAME}"
        )
    return name


def _chosen(context: LoadContext, files: LoadedFiles, call: Invocation) -> str:
    given = context.bundle.project_name or call.environment.get(PROJECT_NAME, "")
    if given:
        if normalized(given) != given:
            raise ComposeError(
                f"invalid project name {in_quotes(given)}: use lower-case letters, digits, "
                "'-' and '_', and start with a letter or digit"
            )
        return given
    written, is_named = _written_name(context, files, call)
    default = "" if is_named else normalized(call.directory.rpartition("/")[2])
    return normalized(written) or default


def normalized(text: str) -> str:
    """Return `text` with only the characters that a project name may have."""
    return _NOT_IN_NAMES.sub("", text.lower()).lstrip("_-")


def _written_name(context: LoadContext, files: LoadedFiles, call: Invocation) -> tuple[str, bool]:
    """Return the last `name` of the files, interpolated, and whether a first document has one."""
    parsed = [files.documents(path) for path in call.files]
    names = [document.name for documents in parsed for document in documents if document.name]
    pattern = names[-1] if names else ""
    where = Location(context.display(call.files[0]))
    context.effort.spend(pattern.count("$"), where)
    try:
        written = substitute(pattern, context.noting(call.environment.get), _ignore)
    except TemplateError as problem:
        raise ComposeError(f"name: {problem.marked}", where) from None
    return written, any(documents and documents[0].name for documents in parsed)


def _ignore(_variable: str) -> None:
    """Ignore a variable without a value: it is reported when its file is interpolated."""
