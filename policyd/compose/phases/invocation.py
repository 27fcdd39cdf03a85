"""What a call of Compose works with: its files, its environment, its profiles, its project name.

In: a bundle. Out: `Call`. Source: compose-go v2.14.0 cli/options.go, dotenv/env.go; docker/compose
v5 cmd/compose/compose.go (setEnvWithDotEnv, ToProject).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from policyd.compose.effort import Effort
from policyd.compose.limits import MAX_LOADED_FILES
from policyd.compose.nodes import Node
from policyd.compose.phases.paths import Home
from policyd.compose.phases.remote import is_remote
from policyd.compose.text.dotenv import DotenvError, parse
from policyd.compose.text.posix_paths import dirname, join
from policyd.compose.text.scalars import ScalarError, parse_flag
from policyd.errors import ComposeError, NoComposeFile
from policyd.model import Bundle, Location, Unresolved

FILE_NAMES: Final = (
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
)
OVERRIDE_NAMES: Final = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)


class Call(NamedTuple):
    """A call of Compose. `files` are absolute paths or "-", `directory` is the project's.

    `profiles` are those that are on; without any, every one is, to be judged.
    """

    files: tuple[str, ...]
    directory: str
    environment: dict[str, str]
    profiles: tuple[str, ...]
    warnings: tuple[str, ...]


def read_env_files(
    bundle: Bundle,
    paths: tuple[str, ...],
    environment: Mapping[str, str],
    effort: Effort,
    unresolved: list[Unresolved] | None = None,
) -> dict[str, str]:
    """Return what the environment files at `paths` set; a later one wins.

    A variable in a value comes from `environment`, else from what was read before it. One that has
    no value is added to `unresolved`. Raises ComposeError for a file that is missing or cannot be
    read as one.
    """
    values: dict[str, str] = {}
    for path in paths:
        name = bundle.files.display(path)
        try:
            content = bundle.files.read(path)
            effort.read(content, Location(name))
            found = parse(content, environment.get, values)
        except FileNotFoundError:
            raise ComposeError(f"there is no environment file {name}") from None
        except IsADirectoryError:
            raise ComposeError(f"the environment file {name} is a folder") from None
        except DotenvError as problem:
            raise ComposeError(str(problem), Location(name, problem.line, 1)) from None
        for key, variable in found.items():
            values[key] = variable.value
            if unresolved is not None:
                where = Location(name, variable.line, 1)
                unresolved += [Unresolved(missing, (), where) for missing in variable.unresolved]
    return values


def prepare(bundle: Bundle, effort: Effort, unresolved: list[Unresolved]) -> Call:
    """Return how Compose would be called on `bundle`.

    Raises NoComposeFile where there is none, ComposeError where Compose would refuse.
    """
    process = dict(bundle.environment)
    given = _given_env_files(bundle, process)
    files = _env_files(bundle, bundle.compose_files, given, process)
    if files and not any(is_remote(path) for path in bundle.compose_files):
        for key, value in read_env_files(bundle, files, process, effort).items():
            if key.startswith("COMPOSE_"):
                process.setdefault(key, value)
        files = _env_files(bundle, bundle.compose_files, given, process)
    environment = dict(process)
    environment.setdefault("PWD", bundle.working_directory)
    _add(environment, read_env_files(bundle, files, environment, effort))
    compose_files, warnings = _compose_files(bundle, environment)
    if compose_files != bundle.compose_files:
        files = _env_files(bundle, compose_files, given, process) or files
    _add(environment, read_env_files(bundle, files, environment, effort, unresolved))
    return Call(
        compose_files,
        _directory(bundle, compose_files),
        environment,
        _profiles(bundle, environment),
        warnings,
    )


def _add(environment: dict[str, str], values: Mapping[str, str]) -> None:
    for key, value in values.items():
        environment.setdefault(key, value)


def _given_env_files(bundle: Bundle, process: Mapping[str, str]) -> tuple[str, ...]:
    if bundle.env_files:
        return bundle.env_files
    home = Home(process.get("HOME", ""))
    names = [name for name in process.get("COMPOSE_ENV_FILES", "").split(",") if name]
    expanded = [home.expand(name, Node(name, None)) for name in names]
    return tuple(
        name if name.startswith("/") else join(bundle.working_directory, name) for name in expanded
    )


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
            raise ComposeError(f"COMPOSE_DISABLE_ENV_FILE: {problem}") from None
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


def _compose_files(
    bundle: Bundle, environment: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if bundle.compose_files:
        return bundle.compose_files, ()
    if "COMPOSE_FILE" in environment:
        return _listed_files(bundle, environment), ()
    return _discover(bundle)


def _listed_files(bundle: Bundle, environment: Mapping[str, str]) -> tuple[str, ...]:
    separator = environment.get("COMPOSE_PATH_SEPARATOR") or ":"
    files: list[str] = []
    names = environment["COMPOSE_FILE"].split(separator)
    if len(names) > MAX_LOADED_FILES:
        raise ComposeError(f"COMPOSE_FILE names more than {MAX_LOADED_FILES} files")
    for name in names:
        if name == "-":
            files.append(name)
            continue
        path = name if name.startswith("/") else join(bundle.working_directory, name or ".")
        if not bundle.files.kind(path):
            raise NoComposeFile(
                f"COMPOSE_FILE names {bundle.files.display(path)}, and there is no such file"
            )
        files.append(path)
    return tuple(files)


def _discover(bundle: Bundle) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Find the default files in the working directory, or in the nearest parent that has one."""
    folder = _directory(bundle, ())
    while True:
        found = [name for name in FILE_NAMES if bundle.files.kind(join(folder, name))]
        if found:
            overrides = [name for name in OVERRIDE_NAMES if bundle.files.kind(join(folder, name))]
            warnings = [
                f"found {', '.join(names)}: using {names[0]}"
                for names in (found, overrides)
                if len(names) > 1
            ]
            names = [found[0], *overrides[:1]]
            return tuple(join(folder, name) for name in names), tuple(warnings)
        if folder == "/":
            raise NoComposeFile(
                f"no Compose file in {_directory(bundle, ())} or above: "
                f"looked for {', '.join(FILE_NAMES)}"
            )
        folder = dirname(folder)


def _profiles(bundle: Bundle, environment: Mapping[str, str]) -> tuple[str, ...]:
    if bundle.profiles is not None:
        return bundle.profiles
    return tuple(name.strip() for name in environment.get("COMPOSE_PROFILES", "").split(","))
