"""How Compose is called on a bundle: its files, environment, directory and profiles.

In: the context of a load. Out: an `Invocation`. Source: compose-go v2.16.2 cli/options.go,
dotenv/env.go; docker/compose v5 cmd/compose/compose.go (setEnvWithDotEnv, ToProject).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from policyd.compose.context import LoadContext
from policyd.compose.file_names import COMPOSE_FILE_NAMES, OVERRIDE_FILE_NAMES
from policyd.compose.limits import MAX_LOADED_FILES
from policyd.compose.nodes import Node
from policyd.compose.phases.remote import is_remote
from policyd.compose.profiles import Profiles, chosen_profiles
from policyd.compose.text.posix_paths import dirname, join
from policyd.compose.text.scalars import ScalarError, parse_flag
from policyd.errors import ComposeError, NoComposeFile
from policyd.masking import in_quotes, sensitive
from policyd.model import Bundle, Location, Unresolved


class Invocation(msgspec.Struct, frozen=True):
    """A call of Compose. `files` are absolute paths or "-", `directory` is the project's."""

    files: tuple[str, ...]
    directory: str
    environment: dict[str, str]
    profiles: Profiles


def read_env_files(
    context: LoadContext,
    paths: tuple[str, ...],
    environment: Mapping[str, str],
    *,
    report_unresolved: bool = True,
) -> dict[str, str]:
    """Return the variables that the environment files at `paths` set; a later file wins.

    A variable in a value comes from `environment`, else from what was read before it. One without
    a value is reported in the context, unless the same files are read again later. Raises
    ComposeError for a file that is missing or cannot be parsed.
    """
    values: dict[str, str] = {}
    for path in paths:
        # Imported here, because most projects have no environment file.
        from policyd.compose.text.dotenv import DotenvError, parse

        name = context.bundle.files.display(path)
        try:
            content = context.bundle.files.read(path)
            context.effort.read(content, Location(name))
            found = parse(content, environment.get, values)
        except FileNotFoundError:
            problem = f"the environment file {name} does not exist"
            if not context.is_lenient:
                raise ComposeError(problem) from None
            if report_unresolved:
                context.report_not_evaluated("env-file", name, problem, None)
            continue
        except IsADirectoryError:
            raise ComposeError(
                f"the environment file {name} is a directory, expected a file"
            ) from None
        except DotenvError as problem:
            raise ComposeError(problem.marked, Location(name, problem.line, 1)) from None
        for key, variable in found.items():
            values[key] = variable.value
            if report_unresolved:
                where = Location(name, variable.line, 1)
                context.unresolved_in_files += [
                    Unresolved(missing, (), where) for missing in variable.unresolved
                ]
    return values


def prepare(context: LoadContext) -> Invocation:
    """Return how Compose would be called on the bundle of `context`.

    Compose reads the environment files up to three times, because each pass can set variables that
    select other files. Raises NoComposeFile where there is none, ComposeError where Compose would
    refuse.
    """
    bundle = context.bundle
    process = dict(bundle.environment)
    given = _given_env_files(context, process)
    files = _env_files(bundle, bundle.compose_files, given, process)
    if files and not any(is_remote(path) for path in bundle.compose_files):
        first = read_env_files(context, files, process, report_unresolved=False)
        for key, value in first.items():
            if key.startswith("COMPOSE_"):
                process.setdefault(key, value)
        files = _env_files(bundle, bundle.compose_files, given, process)
    environment = dict(process)
    environment.setdefault("PWD", bundle.working_directory)
    _add(environment, read_env_files(context, files, environment, report_unresolved=False))
    compose_files = _compose_files(context, environment)
    if compose_files != bundle.compose_files:
        files = _env_files(bundle, compose_files, given, process) or files
    _add(environment, read_env_files(context, files, environment))
    context.home = environment.get("HOME", "")
    return Invocation(
        compose_files,
        _directory(bundle, compose_files),
        environment,
        chosen_profiles(bundle.profiles, environment),
    )


def _add(environment: dict[str, str], values: Mapping[str, str]) -> None:
    for key, value in values.items():
        environment.setdefault(key, value)


def _given_env_files(context: LoadContext, process: Mapping[str, str]) -> tuple[str, ...]:
    if context.bundle.env_files:
        return context.bundle.env_files
    names = [name for name in process.get("COMPOSE_ENV_FILES", "").split(",") if name]
    expanded = [context.expand_home(name, Node(name, None)) for name in names]
    return tuple(map(context.absolute, expanded))


def _env_files(
    bundle: Bundle,
    compose_files: tuple[str, ...],
    given: tuple[str, ...],
    process: Mapping[str, str],
) -> tuple[str, ...]:
    """Return the environment files: those given, else `.env` of the directory as it is known."""
    if given:
        return given
    if "COMPOSE_DISABLE_ENV_FILE" in process:
        try:
            if parse_flag(process["COMPOSE_DISABLE_ENV_FILE"]):
                return ()
        except ScalarError as problem:
            raise ComposeError(f"COMPOSE_DISABLE_ENV_FILE: {problem.marked}") from None
    path = join(_directory(bundle, compose_files), ".env")
    return (path,) if bundle.files.kind(path) == "file" else ()


def _directory(bundle: Bundle, compose_files: tuple[str, ...]) -> str:
    if bundle.project_directory:
        return bundle.project_directory
    for path in compose_files:
        if is_remote(path):
            break
        if path != "-":
            return dirname(path)
    return bundle.working_directory


def _compose_files(context: LoadContext, environment: Mapping[str, str]) -> tuple[str, ...]:
    if context.bundle.compose_files:
        return context.bundle.compose_files
    if "COMPOSE_FILE" in environment:
        return _listed_files(context.bundle, environment)
    return _discover(context)


def _listed_files(bundle: Bundle, environment: Mapping[str, str]) -> tuple[str, ...]:
    separator = environment.get("COMPOSE_PATH_SEPARATOR") or ":"
    files: list[str] = []
    names = environment["COMPOSE_FILE"].split(separator)
    if len(names) > MAX_LOADED_FILES:
        raise ComposeError(f"COMPOSE_FILE lists more than {MAX_LOADED_FILES} files")
    for name in names:
        if name == "-":
            files.append(name)
            continue
        if is_remote(name):
            raise ComposeError(
                f"COMPOSE_FILE lists {in_quotes(name)}, which is remote; "
                "remote files are never fetched"
            )
        path = name if name.startswith("/") else join(bundle.working_directory, name or ".")
        shown = bundle.files.display(path)
        kind = bundle.files.kind(path)
        if not kind:
            raise NoComposeFile(f"COMPOSE_FILE lists {sensitive(shown)}, which does not exist")
        if kind == "directory":
            raise ComposeError(
                f"COMPOSE_FILE lists {sensitive(shown)}, which is a directory, not a file"
            )
        files.append(path)
    return tuple(files)


def _discover(context: LoadContext) -> tuple[str, ...]:
    """Return the default files in the project directory, or in its nearest parent that has one."""
    files = context.bundle.files
    start = directory = _directory(context.bundle, ())
    while True:
        found = [name for name in COMPOSE_FILE_NAMES if files.kind(join(directory, name))]
        if found:
            overrides = [name for name in OVERRIDE_FILE_NAMES if files.kind(join(directory, name))]
            context.warnings += [
                f"found {', '.join(names)}: using {names[0]}"
                for names in (found, overrides)
                if len(names) > 1
            ]
            return tuple(join(directory, name) for name in (found[0], *overrides[:1]))
        if directory == "/":
            raise NoComposeFile(
                f"no Compose file in {start} or above: looked for {', '.join(COMPOSE_FILE_NAMES)}"
            )
        directory = dirname(directory)
