"""Options that several commands share.

In: the arguments, environment and current folder of the caller. Out: bundles, settings and reviews.
"""

from __future__ import annotations

import os
import pwd
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

import click
import msgspec

from policyd.adoption.repository_file import RepositoryFile, find_repository_file
from policyd.bundle import directory_bundle
from policyd.compose.phases.remote import is_remote
from policyd.config import Settings
from policyd.errors import ConfigError, NoComposeFile
from policyd.limits import MAX_BUNDLE, MAX_FILE, MIB
from policyd.model import Bundle, Operation, Review, Source, UserInfo
from policyd.policies.levels import LEVELS, level_file
from policyd.settings_reader import load_settings
from policyd.workloads.image_configs import image_configs

EVERY_PROFILE: Final[tuple[str, ...]] = ()
"""Profiles of a bundle that is evaluated with every profile enabled."""

METAVARS: Final = {
    "policy_set": "FILE",
    "audit": "URL",
    "images": "off|inspect",
    "listen": "HOST:PORT",
    "workers": "N",
}
HELP: Final = {
    "policy_set": "Policy set: a YAML file or a folder. Default: the built-in one.",
    "audit": "Audit log: a path, sqlite:///… or postgresql://…",
    "images": "inspect: read the configurations of images from the image_registries of the "
    "settings file. Default: off.",
    "listen": "Address to listen on. Default: 127.0.0.1:8093.",
    "workers": "Number of worker processes. Default: 2.",
}

LEVEL_HELP: Final = "A policy set that comes with policyd, instead of --policy-set."


class Closeable(Protocol):
    """A resource that holds files or connections until it is closed."""

    def close(self) -> None:
        """Release the files and connections."""


Command = TypeVar("Command", bound=Callable[..., Any])


class ComposeFlags(msgspec.Struct, frozen=True):
    """The flags of Compose, the folder that bounds what may be read, and a file about images."""

    files: tuple[str, ...] = ()
    project_name: str = ""
    profiles: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    project_directory: str = ""
    root: str = ""
    image_configs: str = ""


class Target(msgspec.Struct, frozen=True):
    """One project to load. `source` is the path as typed, `stdin` the content of "-".

    `environment` is that of the deployment, as the repository file names it.
    """

    source: str
    directory: str
    flags: ComposeFlags
    stdin: bytes | None = None
    environment: str = ""


def compose_options(command: Command) -> Command:
    """Return `command` with the flags of Compose added."""
    for option in reversed(
        [
            click.option(
                "-f", "--file", "files", multiple=True, metavar="FILE",
                help="Compose file. Several files are merged in order; '-' is standard input.",
            ),
            click.option("-p", "--project-name", default="", metavar="NAME", help="Project name."),
            click.option("--profile", "profiles", multiple=True, metavar="NAME",
                         help="Profile to enable; '*' for all."),
            click.option("--env-file", "env_files", multiple=True, metavar="FILE",
                         help="Environment file for ${VARIABLES}, instead of .env."),
            click.option("--project-directory", default="", metavar="FOLDER",
                         help="Folder that relative paths refer to."),
            click.option("--root", default="", metavar="FOLDER",
                         help="Folder that bounds what may be read. Default: the nearest folder "
                         "with .git, else the folder of the project."),
            click.option("--image-configs", default="", metavar="FILE",
                         help="JSON file with configurations of images by their reference, as "
                         "`docker image inspect` prints .Config."),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


def settings_options(*names: str) -> Callable[[Command], Command]:
    """Return a decorator that adds `--config` and a flag for each of the settings `names`."""

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            command = click.option(
                f"--{name.replace('_', '-')}", name, metavar=METAVARS[name], help=HELP[name]
            )(command)
            if name == "policy_set":
                command = click.option("--level", type=click.Choice(LEVELS), help=LEVEL_HELP)(
                    command
                )
        return click.option(
            "--config", metavar="FILE", help="Settings file (TOML). Default: $POLICYD_CONFIG."
        )(command)

    return decorate


def settings(config: str | None, **flags: object) -> Settings:
    """Return the settings from the file, the environment and `flags`.

    The flag `level` stands for the policy set of a level. Raises ConfigError, and UsageError for
    both flags and for the name of a level as a file.
    """
    level = flags.pop("level", None)
    named = flags.get("policy_set")
    if named in LEVELS and not os.path.exists(str(named)):
        raise click.UsageError(f"--policy-set {named}: no such file; a level is --level {named}")
    if level is not None:
        if flags["policy_set"] is not None:
            raise click.UsageError("--level and --policy-set cannot be used together")
        flags["policy_set"] = str(level_file(str(level)))
    return load_settings(config, os.environ, flags)


def repository_file() -> RepositoryFile | None:
    """Return `.policyd.yaml` of the repository around the current folder, None without one.

    Raises ConfigError and BundleError for one that is not valid.
    """
    # Imported here: most commands do not need the formats of reports.
    from policyd.formats.report.available import REPORT

    return find_repository_file(current_folder(), REPORT)


def local_settings(**options: Any) -> Settings:
    """Return the settings, with the policy set of the repository file if they name none.

    Raises ConfigError.
    """
    chosen = settings(**options)
    if chosen.policy_set:
        return chosen
    repository = repository_file()
    return msgspec.structs.replace(chosen, policy_set=repository.policy_set if repository else "")


def close_at_end(resource: Closeable) -> None:
    """Close `resource` when the current command ends, if there is one."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(resource.close)


def compose_flags(options: dict[str, Any]) -> ComposeFlags:
    """Remove the flags of Compose from `options` and return them."""
    return ComposeFlags(**{name: options.pop(name) for name in ComposeFlags.__struct_fields__})


def bundle(target: Target, profiles: Sequence[str] | None, environment: dict[str, str]) -> Bundle:
    """Return the bundle of `target`.

    Raises NoComposeFile for a file that the caller names and that does not exist, BundleError,
    ConfigError and RequestError.
    """
    flags = target.flags
    for name in (*flags.files, *flags.env_files):
        path = os.path.join(target.directory, name)
        if name != "-" and not is_remote(name) and not os.path.lexists(path):
            raise NoComposeFile(f"{name}: No such file or directory")
    found = directory_bundle(
        target.directory,
        flags.files,
        root=flags.root,
        project_directory=flags.project_directory,
        env_files=flags.env_files,
        profiles=profiles,
        project_name=flags.project_name,
        environment=environment,
        stdin=target.stdin,
    )
    if not flags.image_configs:
        return found
    configs = image_configs(json_object(flags.image_configs))
    return msgspec.structs.replace(found, image_configs=configs)


def json_object(path: str) -> dict[str, Any]:
    """Return the object in the JSON file `path`. Raises ConfigError."""
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BUNDLE + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BUNDLE:
        raise ConfigError(f"{path}: the file exceeds the limit of {MAX_BUNDLE // MIB} MiB")
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: the file is not a JSON object: {error}") from error


def source_of(target: Target, source: Source) -> Source:
    """Return `source` for a review of `target`: a flag precedes the file of the repository."""
    environment = source.environment or target.environment
    return msgspec.structs.replace(source, environment=environment)


def question(source: Source, operation: Operation) -> Review:
    """Return a new review by the user of this process, now."""
    return Review(
        uid=str(uuid.uuid4()),
        enforcement_point="cli",
        now=time.time_ns(),
        operation=operation,
        user_info=UserInfo(current_user()),
        source=source,
    )


def stdin() -> bytes:
    """Return standard input, up to one byte more than the limit of a file."""
    return sys.stdin.buffer.read(MAX_FILE + 1)


def current_folder() -> str:
    """Return the current folder by the name that the shell uses, as Compose does."""
    named = os.environ.get("PWD", "")
    try:
        if os.path.isabs(named) and os.path.samefile(named, "."):
            return named
    except OSError:
        pass
    return os.getcwd()


def caller_environment() -> dict[str, str]:
    """Return the process environment, with bytes that are not valid UTF-8 replaced."""
    return {_text(name): _text(value) for name, value in os.environ.items()}


def _text(value: str) -> str:
    return value if value.isascii() else os.fsencode(value).decode("utf-8", "replace")


def current_user() -> str:
    """Return the name of the user of this process, "" if it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""
