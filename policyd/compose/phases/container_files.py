"""Read the environment and label files of containers.

In: the loaded model of a service, a hook or a job. Out: its `environment` and `labels` with what
the files set. Source: compose-go v2.16.2 types/project.go (WithServicesEnvironmentResolved,
WithServicesLabelsResolved).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from policyd.compose.context import LoadContext
from policyd.errors import BundleError, ComposeError
from policyd.masking import MarkedError, in_quotes
from policyd.model import Location, Path, Unresolved

if TYPE_CHECKING:
    from policyd.compose.text.dotenv import Variable

Container = dict[str, Any]
"""The loaded model of a service, a hook or a job."""

Locate = Callable[[Path], Location | None]


class ContainerFiles:
    """Reads the files of all containers of one project.

    `environment` is that of the project, and `locate` gives the place of a path of the model.
    `places` receives the places of the variables and labels that files set.
    """

    def __init__(
        self,
        context: LoadContext,
        environment: Mapping[str, str],
        locate: Locate,
        places: dict[Path, Location],
    ) -> None:
        self.context = context
        self.environment = environment
        self.locate = locate
        self.places = places

    def variables(
        self, path: Path, container: Container, *, is_lenient: bool
    ) -> dict[str, str | None]:
        """Return the variables of the container at `path`, with those of its env files.

        Variables of `environment` win. Raises ComposeError for a file that cannot be read, unless
        `is_lenient`: then the file is reported as not evaluated, and the variables that it could
        change as unresolved.
        """
        own: dict[str, str | None] = {
            key: self.environment.get(key) if value is None else value
            for key, value in container.get("environment", {}).items()
        }
        values = {key: value for key, value in own.items() if value is not None}

        def lookup(key: str) -> str | None:
            return self.environment.get(key, own.get(key))

        for index, entry in enumerate(container.get("env_file", [])):
            file = _File(entry, (*path, "env_file", index), is_lenient)
            found = self._read(file, lookup, values)
            if found is None:
                if is_lenient and file.is_required:
                    names = values.keys() - own.keys()
                    self._report_overridable((*path, "environment"), names, file)
                continue
            self._remember((*path, "environment"), file.path, found, own)
            values.update({key: variable.value for key, variable in found.items()})
        return {**values, **own}

    def labels(self, path: Path, container: Container, *, is_lenient: bool) -> dict[str, str]:
        """Return the labels of the container at `path`, with those of its label files.

        Labels of `labels` win. Raises ComposeError as `variables` does.
        """
        own: dict[str, str] = container.get("labels", {})
        labels: dict[str, str] = {}
        for index, name in enumerate(container.get("label_file", [])):
            entry = {"path": name, "required": True}
            file = _File(entry, (*path, "label_file", index), is_lenient)
            found = self._read(file, dict(labels).get, {}) or {}
            self._remember((*path, "labels"), name, found, own)
            labels.update({key: variable.value for key, variable in found.items()})
        return {**labels, **own}

    def _report_overridable(self, path: Path, names: set[str], file: _File) -> None:
        """Report variables as unresolved because `file`, which was not read, may change them."""
        where = self.locate(file.at) or Location("")
        self.context.effort.spend(len(names), where)
        self.context.unresolved_in_files += [
            Unresolved(name, (*path, name), where) for name in sorted(names)
        ]

    def _remember(
        self, path: Path, file: str, found: Mapping[str, Variable], own: Mapping[str, Any]
    ) -> None:
        name = self.context.display(file)
        for key, variable in found.items():
            where = Location(name, variable.line, 1)
            self.context.unresolved_in_files += [
                Unresolved(missing, (*path, key), where) for missing in variable.unresolved
            ]
            if key not in own:
                self.places[(*path, key)] = where

    def _read(
        self, file: _File, lookup: Callable[[str], str | None], known: Mapping[str, str]
    ) -> dict[str, Variable] | None:
        """Return what `file` sets, None where it is reported as not evaluated."""
        name, where = self._shown(file), self.locate(file.at)
        try:
            content = self._content(file, name, where)
            if content is None:
                return None
            self.context.effort.read(content, where)
            return _parsed(file, content, name, where, lookup, known)
        except _UnreadableFileError as error:
            if not file.is_lenient:
                raise ComposeError(error.marked, error.where) from None
            self.context.report_not_evaluated("env-file", name, error.marked, where)
            return None

    def _shown(self, file: _File) -> str:
        try:
            return self.context.display(file.path)
        except BundleError:  # a path that no file can have
            return repr(file.path)

    def _content(self, file: _File, name: str, where: Location | None) -> bytes | None:
        try:
            if not file.path:
                raise FileNotFoundError
            return self.context.bundle.files.read(self.context.absolute(file.path))
        except FileNotFoundError:
            problem = f"the {file.at[-2]} {name} does not exist"
        except IsADirectoryError:
            raise _UnreadableFileError(f"{name} is a directory, expected a file", where) from None
        except BundleError as error:
            problem = error.marked
        if file.is_required:
            raise _UnreadableFileError(problem, where)
        self.context.report_not_evaluated("env-file", name, problem, where)
        return None


class _File(msgspec.Struct, frozen=True):
    """An entry of `env_file` or `label_file`, and its path in the model."""

    entry: dict[str, Any]
    at: Path
    is_lenient: bool

    @property
    def path(self) -> str:
        return str(self.entry.get("path", ""))

    @property
    def is_required(self) -> bool:
        return bool(self.entry.get("required", False))


class _UnreadableFileError(MarkedError):
    """A file that Compose would refuse."""

    def __init__(self, message: str, where: Location | None) -> None:
        super().__init__(message)
        self.where = where


def _parsed(
    file: _File,
    content: bytes,
    name: str,
    where: Location | None,
    lookup: Callable[[str], str | None],
    known: Mapping[str, str],
) -> dict[str, Variable]:
    kind = file.entry.get("format") or ""
    if kind not in ("", "raw"):
        raise _UnreadableFileError(f"unknown format {in_quotes(kind)} of {name}: use `raw`", where)
    # Imported here, because most projects have no environment file.
    from policyd.compose.text.dotenv import DotenvError, parse, parse_raw

    try:
        return parse_raw(content, lookup) if kind else parse(content, lookup, known)
    except DotenvError as problem:
        raise _UnreadableFileError(problem.marked, Location(name, problem.line, 1)) from None
