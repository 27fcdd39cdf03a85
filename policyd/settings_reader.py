"""Read the settings from a TOML file, the environment and the flags of a command.

In: the path of a settings file, environment variables POLICYD_<SETTING>, flags. Out: Settings.
A setting that may hold a secret is also read from the file that POLICYD_<SETTING>_FILE names.
Errors: ConfigError, with file and line where they are known, for an unknown setting and for a value
that is not valid.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import inspect

from policyd.config import (
    CONFIG_VARIABLE,
    DOCKER_HUB,
    ENVIRONMENT_PREFIX,
    LIMITED_SCOPES,
    ImageRegistry,
    Registry,
    RegistryAccess,
    Settings,
    Token,
)
from policyd.console_settings import OidcSettings, Role, completed_oidc
from policyd.digests import sha256
from policyd.errors import ConfigError
from policyd.expected_values import expected
from policyd.forge_settings import ForgeSettings, completed
from policyd.host_settings import HostSettings, with_absolute_paths
from policyd.issuer_settings import Issuer, check_issuer
from policyd.lazy_pattern import lazy_pattern
from policyd.model import Location
from policyd.publication_settings import (
    CheckpointCopy,
    Witness,
    completed_copy,
    completed_witness,
)
from policyd.secret_files import LEAST_TOKEN, secret_in, token_in
from policyd.suggestion import did_you_mean, nearest

_Entry: TypeAlias = (
    Token | Issuer | Registry | ForgeSettings | ImageRegistry | CheckpointCopy | Witness | Role
)
_Table: TypeAlias = type[_Entry]
TABLES: Final[dict[str, _Table]] = {
    "tokens": Token,
    "issuers": Issuer,
    "registries": Registry,
    "forges": ForgeSettings,
    "image_registries": ImageRegistry,
    "checkpoint_copies": CheckpointCopy,
    "witnesses": Witness,
    "roles": Role,
}
"""Settings that are tables of entries by name in the settings file."""
_Hashed = TypeVar("_Hashed", Token, Registry)
_Struct = TypeVar("_Struct", bound=msgspec.Struct)
SECTIONS: Final[dict[str, type[HostSettings | OidcSettings]]] = {
    "host": HostSettings,
    "oidc": OidcSettings,
}
"""Settings that are one table in the settings file."""
_HUB_URL: Final = "https://registry-1.docker.io"
_HUB_AUTH_HOSTS: Final = ("auth.docker.io",)
_PATHS: Final = (
    "policy_set",
    "engine_ca_file",
    "audit_key_file",
    "receipt_key_file",
    "receipt_public_keys_file",
    "deferred_folder",
    "tls_certificate_file",
    "tls_key_file",
    "tls_client_ca_file",
)
FILE_ONLY: Final = (*TABLES, "failure_policies", *SECTIONS)
"""Settings that are tables in the settings file, and no variables."""
_NAMES: Final = Settings.__struct_fields__
_SIMPLE: Final = [name for name in _NAMES if name not in FILE_ONLY]
_FOREIGN: Final = lazy_pattern(r"POLICYD_(CONFIG|URL|TOKEN|FAILURE_POLICY|(SERVICE|PORT)(_.*)?)")
"""Variables that are not settings: Kubernetes sets POLICYD_SERVICE_… and POLICYD_PORT… for a
service named `policyd`, jobs in CI set POLICYD_URL, POLICYD_TOKEN and POLICYD_FAILURE_POLICY."""


def load_settings(
    file: str | None, environment: Mapping[str, str], flags: Mapping[str, object]
) -> Settings:
    """Return the settings of `file` (TOML), overridden by `environment`, then by `flags`.

    When `file` is None, POLICYD_CONFIG may name the file. A flag that is None was not given. Paths
    in the file are relative to its folder. Raises ConfigError.
    """
    path = environment.get(CONFIG_VARIABLE, "") if file is None else file
    values = _from_file(path) if path else {}
    values |= _from_environment(environment)
    for name, value in flags.items():
        if value is not None:
            values[name] = _converted(value, name, f"--{name.replace('_', '-')}")
    return Settings(**values)


def is_secret(name: str) -> bool:
    """Return whether the setting `name` may hold a secret, and may be read from its own file."""
    kind = inspect.type_info(_type_of(name))
    return isinstance(kind, inspect.Metadata) and bool((kind.extra or {}).get("secret"))


def read_password(registry: RegistryAccess, label: str) -> str:
    """Return the password for pulling from `registry`, or "" when there is none.

    `label` names its table in messages: registries.main. Raises ConfigError when the file that
    contains the password cannot be read.
    """
    if not registry.password_file:
        return ""
    return secret_in(registry.password_file, f"{label}.password_file")


def _type_of(name: str) -> Any:
    return _types()[name]


@cache
def _types() -> dict[str, Any]:
    """Return the types of the settings. A command that is given none does not need them."""
    return {field.name: field.type for field in msgspec.structs.fields(Settings)}


# --- environment and flags -----------------------------------------------------------------------


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    given = sorted(name for name in environment if name.startswith(ENVIRONMENT_PREFIX))
    if not given:
        return {}
    known = {ENVIRONMENT_PREFIX + name.upper(): name for name in _SIMPLE}
    secret = {f"{variable}_FILE": name for variable, name in known.items() if is_secret(name)}
    values = {}
    for variable in given:
        text = environment[variable]
        if variable in known:
            values[known[variable]] = _converted(text, known[variable], variable)
        elif variable in secret:
            if variable.removesuffix("_FILE") in environment:
                plain = variable.removesuffix("_FILE")
                raise ConfigError(f"{variable} and {plain} are both set; set only one of them")
            is_token = secret[variable] == "engine_token"
            values[secret[variable]] = (token_in if is_token else secret_in)(text, variable)
        elif not _FOREIGN.fullmatch(variable):
            near = nearest(variable.removeprefix(ENVIRONMENT_PREFIX).lower(), _SIMPLE)
            hint = f"; did you mean {ENVIRONMENT_PREFIX}{near.upper()}?" if near else ""
            raise ConfigError(f"{variable}: unknown setting{hint}")
    return values


def _converted(value: object, name: str, where: str) -> Any:
    if name not in _NAMES:
        raise ConfigError(f"{where}: unknown setting{did_you_mean(name, _NAMES)}")
    kind = _type_of(name)
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        found = "another value" if is_secret(name) else repr(value)
        raise ConfigError(f"{where}: expected {expected(kind)}, found {found}") from error


# --- file ----------------------------------------------------------------------------------------


def _from_file(path: str) -> dict[str, Any]:
    text, data = _parsed(path)
    base = os.path.dirname(os.path.abspath(path))
    values: dict[str, Any] = {}
    for name, value in data.items():
        where = _location(path, text, (name,))
        if name not in _NAMES:
            raise ConfigError(f"{name}: unknown setting{did_you_mean(name, _NAMES)}", where)
        if name in TABLES:
            values[name] = _entries(path, text, name, value)
            continue
        if name in SECTIONS:
            values[name] = _section(path, text, name, value)
            continue
        values[name] = _typed(value, _type_of(name), name, where)
        if name in _PATHS or (name == "audit" and "://" not in value):
            values[name] = os.path.join(base, value)
    return values


def _parsed(path: str) -> tuple[str, dict[str, Any]]:
    # Imported here because only a settings file needs it, and `check` starts faster without it.
    import tomllib

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at line ([0-9]+), column ([0-9]+)\)$", str(error))
        where = Location(path, int(found[1]), int(found[2])) if found else Location(path)
        reason = str(error)[: found.start()] if found else str(error)
        raise ConfigError(f"invalid TOML: {reason[:1].lower()}{reason[1:]}", where) from error
    except UnicodeDecodeError as error:
        raise ConfigError("the file is not valid UTF-8", Location(path)) from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the file: {error.strerror}") from error


def _entries(path: str, text: str, table: str, entries: object) -> dict[str, Any]:
    if not isinstance(entries, dict) or not all(isinstance(e, dict) for e in entries.values()):
        where = _location(path, text, (table,))
        raise ConfigError(f"{table}: expected tables, as in [{table}.NAME]", where)
    values: dict[str, Any] = {}
    for name, entry in entries.items():
        label, at = f"{table}.{name}", _location(path, text, (table, name))
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise ConfigError(
                f"{label}: invalid name; a name consists of letters, digits, '-' and '_', and "
                "begins with a letter or digit",
                at,
            )
        places = {key: _location(path, text, (table, name, key)) for key in entry}
        typed = _table(entry, TABLES[table], label, at, places)
        try:
            if isinstance(typed, Token) and "repositories" not in entry:
                _check_scopes(typed, label)
            values[name] = _completed(typed, label, os.path.dirname(os.path.abspath(path)))
        except ConfigError as error:
            raise ConfigError(error.message, at) from error
    _check_distinct(table, values, _location(path, text, (table,)))
    return values


def _section(path: str, text: str, name: str, value: object) -> HostSettings | OidcSettings:
    where = _location(path, text, (name,))
    if not isinstance(value, dict):
        raise ConfigError(f"{name}: expected a table, as in [{name}]", where)
    places = {key: _location(path, text, (name, key)) for key in value}
    base = os.path.dirname(os.path.abspath(path))
    if name == "host":
        return with_absolute_paths(_table(value, HostSettings, name, where, places), base)
    try:
        return completed_oidc(_table(value, OidcSettings, name, where, places), base)
    except ConfigError as error:
        raise ConfigError(error.message, error.where or where) from error


def _table(
    entry: Mapping[str, object],
    kind: type[_Struct],
    label: str,
    where: Location,
    places: Mapping[str, Location],
) -> _Struct:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for key in entry:
        if key not in fields:
            raise ConfigError(
                f"{label}: unknown setting {key}{did_you_mean(key, fields)}", places[key]
            )
    for field in fields.values():
        if field.required and field.name not in entry:
            raise ConfigError(f"{label}: the required setting {field.name} is missing", where)
    values = {
        key: _typed(value, fields[key].type, f"{label}.{key}", places[key])
        for key, value in entry.items()
    }
    return kind(**values)


def _typed(value: object, kind: Any, label: str, where: Location) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{label}: expected {expected(kind)}", where) from error


def _completed(entry: _Entry, label: str, base: str) -> _Entry:
    """Return a valid `entry` with its secrets as digests and its paths absolute."""
    if isinstance(entry, Token):
        return _with_digest(entry, ("sha256", "value_file"), label, base)
    if isinstance(entry, Issuer):
        check_issuer(entry, label)
        file = os.path.join(base, entry.jwks_file) if entry.jwks_file else ""
        return msgspec.structs.replace(entry, jwks_file=file)
    if isinstance(entry, ForgeSettings):
        return completed(entry, label, base)
    if isinstance(entry, CheckpointCopy):
        return completed_copy(entry, label, base)
    if isinstance(entry, Witness):
        return completed_witness(entry, label, base)
    if isinstance(entry, Role):
        return entry
    if isinstance(entry, Registry):
        if entry.on_denied == "label" and not (entry.kind == "harbor" and entry.denied_label):
            raise ConfigError(f'{label}.on_denied: "label" needs kind = "harbor" and denied_label')
        entry = _with_digest(entry, ("hook_sha256", "hook_token_file"), label, base)
    else:
        entry = _with_defaults(entry, label)
    _check_url(entry, label)
    if not entry.password_file:
        return entry
    return msgspec.structs.replace(entry, password_file=os.path.join(base, entry.password_file))


def _check_scopes(token: Token, label: str) -> None:
    """Raise ConfigError if `token`, which is not limited to repositories, may review or read."""
    scopes = [scope for scope in token.scopes if scope in LIMITED_SCOPES]
    if scopes:
        raise ConfigError(
            f"{label}: the setting repositories is missing, which the scopes "
            f'{" and ".join(scopes)} require; write ["**"] for all repositories'
        )


def _with_digest(entry: _Hashed, keys: tuple[str, str], label: str, base: str) -> _Hashed:
    digest, file = keys
    if bool(getattr(entry, digest)) == bool(getattr(entry, file)):
        raise ConfigError(f"{label}: set exactly one of {digest} and {file}")
    path = getattr(entry, file)
    if not path:
        return entry
    secret = token_in(os.path.join(base, path), f"{label}.{file}", at_least=LEAST_TOKEN)
    changes = {digest: sha256(secret.encode()).hexdigest(), file: ""}
    return msgspec.structs.replace(entry, **changes)


def _with_defaults(registry: ImageRegistry, label: str) -> ImageRegistry:
    """Return `registry` with its URL, and for Docker Hub with the host of its tokens."""
    host = registry.host.lower()
    is_host = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]+)?", host)
    if not is_host or not (re.search("[.:]", host) or host == "localhost"):
        raise ConfigError(
            f"{label}.host: expected a host as in image references, such as ghcr.io, docker.io or "
            "registry.example:5000"
        )
    if host == "index.docker.io":
        raise ConfigError(f"{label}.host: write docker.io, which index.docker.io stands for")
    url, auth_hosts = registry.url or f"https://{host}", registry.auth_hosts
    if host == DOCKER_HUB:
        url, auth_hosts = registry.url or _HUB_URL, auth_hosts or _HUB_AUTH_HOSTS
    return msgspec.structs.replace(registry, host=host, url=url, auth_hosts=auth_hosts)


def _check_url(registry: RegistryAccess, label: str) -> None:
    scheme, shown = (
        ("https?", "http:// or https://") if registry.insecure else ("https", "https://")
    )
    if not re.fullmatch(
        rf"{scheme}://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]+)?/?", registry.url
    ):
        raise ConfigError(f"{label}.url: expected {shown} and a host, optionally with a port")
    if bool(registry.username) != bool(registry.password_file):
        raise ConfigError(f"{label}: username and password_file must be set together")


def _check_distinct(table: str, entries: Mapping[str, _Entry], where: Location) -> None:
    names: dict[str, str] = {}
    for name, entry in entries.items():
        key, same = name, ""
        if isinstance(entry, Token):
            key, same = entry.sha256, "are the same token"
        elif isinstance(entry, Issuer):
            key, same = entry.issuer, "are the same issuer"
        elif isinstance(entry, ImageRegistry):
            key, same = entry.host, "have the same host"
        if (other := names.setdefault(key, name)) != name:
            raise ConfigError(f"{table}.{other} and {table}.{name} {same}", where)


def _location(path: str, text: str, key: tuple[str, ...]) -> Location:
    """Return the line of `key`, found by its header or its assignment; line 0 when not found."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\[?([^\[\]]+)\]", line):
            table = tuple(part.strip(" \t\"'") for part in header[1].split("."))
            found = table
        elif assigned := re.match(r"\s*([\w\"'.-]+)\s*=", line):
            found = (*table, *(part.strip("\"'") for part in assigned[1].split(".")))
        else:
            continue
        if found[: len(key)] == key:
            return Location(path, number, len(line) - len(line.lstrip()) + 1)
    return Location(path)
