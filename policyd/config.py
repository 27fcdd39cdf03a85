"""Settings: one table, read as file < environment < flags.

In: a TOML file, environment variables named POLICYD_<SETTING>, flags of the command line. Out:
Settings. A setting that holds a secret may also come from the file that POLICYD_<SETTING>_FILE
names. Errors: ConfigError, with file and line, for anything unknown or of a wrong type.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from policyd.errors import ConfigError
from policyd.model import EnforcementPoint, Location

ENVIRONMENT_PREFIX: Final = "POLICYD_"
CONFIG_VARIABLE: Final = "POLICYD_CONFIG"
"""The variable that names the settings file, where `--config` does not."""

SECRET: Final = {"secret": True}
"""What a setting says of itself when it may hold a secret."""

Sha256 = Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")]
Globs = tuple[Annotated[str, Meta(min_length=1)], ...]


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bearer token: who holds it, and for what it may speak. Give `sha256` or `value_file`."""

    owner: Annotated[str, Meta(min_length=1, description="Who asks, as reviews and logs say it.")]
    sha256: Annotated[Sha256, Meta(description="SHA-256 of the token, in hex.")] = ""
    value_file: Annotated[str, Meta(description="A file that holds the token.")] = ""
    repositories: Annotated[Globs, Meta(description="Repositories it may speak for.")]
    environments: Annotated[Globs, Meta(description="Environments it may speak for.")] = ("**",)
    hosts: Annotated[Globs, Meta(description="Hosts it may speak for.")] = ("**",)
    enforcement_point: Annotated[
        EnforcementPoint, Meta(description="What asks: its reviews are of this kind.")
    ] = "webhook"
    speaks_for_users: Annotated[
        bool, Meta(description="Whether a request may name the user who asks.")
    ] = False


class Registry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A registry whose notifications are heard. Give `hook_sha256` or `hook_token_file`."""

    url: Annotated[str, Meta(description="Its base URL: https://registry.example")]
    insecure: Annotated[bool, Meta(description="Whether `url` may be http://.")] = False
    hook_sha256: Annotated[Sha256, Meta(description="SHA-256 of its hook's token, in hex.")] = ""
    hook_token_file: Annotated[str, Meta(description="A file that holds its hook's token.")] = ""
    prefix: Annotated[
        str, Meta(description="What stands before its repositories' names in reviews.")
    ] = ""
    username: Annotated[str, Meta(description="The user that may pull.")] = ""
    password_file: Annotated[str, Meta(description="A file that holds the user's password.")] = ""
    auth_hosts: Annotated[
        tuple[str, ...], Meta(description="Other hosts that may hand out pull tokens.")
    ] = ()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every setting: name, type, default and help. `audit` "" means that nothing is recorded."""

    policy_set: Annotated[
        str, Meta(description="The policy set, a YAML file; without it, the built-in one.")
    ] = ""
    audit: Annotated[
        str,
        Meta(description="The audit log: a path, sqlite:///… or postgresql://….", extra=SECRET),
    ] = ""
    reload_interval: Annotated[
        int,
        Meta(
            ge=0,
            le=86_400,
            description="Seconds between looks at the policy set's files; 0: SIGHUP only.",
        ),
    ] = 5
    engine: Annotated[Literal["embedded", "opa"], Meta(description="What evaluates Rego.")] = (
        "embedded"
    )
    engine_url: Annotated[
        str, Meta(description="The OPA server that evaluates, where `engine` is `opa`.")
    ] = ""
    engine_token: Annotated[
        str, Meta(description="The bearer token that the OPA server asks for.", extra=SECRET)
    ] = ""
    engine_ca_file: Annotated[
        str, Meta(description="Certificates that the OPA server's is checked against.")
    ] = ""
    listen: Annotated[str, Meta(description="Where the webhook listens.")] = "127.0.0.1:8093"
    workers: Annotated[int, Meta(ge=1, le=256, description="Processes of the webhook.")] = 2
    threads: Annotated[int, Meta(ge=1, le=256, description="Threads of each process.")] = 4
    max_body: Annotated[int, Meta(ge=1024, description="Bytes of one request's body, at most.")] = (
        32 * 1024 * 1024
    )
    review_timeout: Annotated[
        int, Meta(ge=1, le=600, description="Seconds that one review may take.")
    ] = 10
    log_format: Annotated[Literal["json", "console"], Meta(description="How the webhook logs.")] = (
        "json"
    )
    tokens: Annotated[
        dict[str, Token], Meta(description="Bearer tokens, by name; none: loopback only.")
    ] = {}
    registries: Annotated[
        dict[str, Registry], Meta(description="Registries that are heard, by name.")
    ] = {}


def load_settings(
    file: str | None, environment: Mapping[str, str], flags: Mapping[str, object]
) -> Settings:
    """Return the settings of `file` (TOML), overridden by `environment`, then by `flags`.

    `file` None means the one that POLICYD_CONFIG names, if any. A flag that is None was not given.
    Paths in the file are read against its folder. Raises ConfigError.
    """
    path = environment.get(CONFIG_VARIABLE, "") if file is None else file
    values = _from_file(path) if path else {}
    values |= _from_environment(environment)
    for name, value in flags.items():
        if value is not None:
            values[name] = _converted(value, name, f"--{name.replace('_', '-')}")
    return Settings(**values)


def default_audit(environment: Mapping[str, str]) -> str:
    """Return where `serve` keeps its log unless told otherwise.

    Raises ConfigError when neither XDG_STATE_HOME nor HOME is set.
    """
    state = environment.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        home = environment.get("HOME", "")
        if not home:
            raise ConfigError("neither XDG_STATE_HOME nor HOME is set: say where with --audit")
        state = os.path.join(home, ".local", "state")
    return os.path.join(state, "policyd", "audit.db")


def listen_address(settings: Settings) -> tuple[str, int]:
    """Return host and port of `settings.listen`, which reads "127.0.0.1:8093" or "[::1]:8093".

    Without tokens only a loopback address is taken: whoever reaches the port may speak for all.
    Raises ConfigError.
    """
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):([0-9]{1,5})", settings.listen)
    if not found or int(found[3]) > 65535:
        raise ConfigError(f"listen: {settings.listen!r} is not host:port, as in 127.0.0.1:8093")
    host = found[1] or found[2]
    if not settings.tokens and not is_loopback(host):
        raise ConfigError(
            f"listen: {settings.listen} can be reached by others, and no token is configured: "
            "add [tokens.NAME] to the settings file, or listen on 127.0.0.1"
        )
    return host, int(found[3])


def read_password(registry: Registry, name: str) -> str:
    """Return the password of the user that may pull from the registry `name`; "" for none.

    Raises ConfigError when its file cannot be read.
    """
    if not registry.password_file:
        return ""
    return _secret_from(registry.password_file, f"registries.{name}.password_file")


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine and no other."""
    # Imported here: only `serve` needs it, and `check` starts the sooner.
    import ipaddress

    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# --- environment ---------------------------------------------------------------------------------

_FIELDS: Final = {field.name: field for field in msgspec.structs.fields(Settings)}
_TABLES: Final[dict[str, type[Token] | type[Registry]]] = {"tokens": Token, "registries": Registry}
_PATHS: Final = ("policy_set", "engine_ca_file")
_SIMPLE: Final = [name for name in _FIELDS if name not in _TABLES]
_FOREIGN: Final = re.compile(r"POLICYD_(CONFIG|(SERVICE|PORT)(_.*)?)")
"""Read elsewhere, or put there by Kubernetes, which names variables after a service `policyd`."""


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    known = {ENVIRONMENT_PREFIX + name.upper(): name for name in _SIMPLE}
    secret = {f"{variable}_FILE": name for variable, name in known.items() if is_secret(name)}
    values = {}
    for variable in sorted(environment):
        text = environment[variable]
        if variable in known:
            values[known[variable]] = _converted(text, known[variable], variable)
        elif variable in secret:
            if variable.removesuffix("_FILE") in environment:
                raise ConfigError(f"{variable} and {variable.removesuffix('_FILE')} are both set")
            values[secret[variable]] = _secret_from(text, variable)
        elif variable.startswith(ENVIRONMENT_PREFIX) and not _FOREIGN.fullmatch(variable):
            near = _near(variable.removeprefix(ENVIRONMENT_PREFIX).lower(), _SIMPLE)
            hint = f"; did you mean {ENVIRONMENT_PREFIX}{near.upper()}?" if near else ""
            raise ConfigError(f"{variable}: there is no such setting{hint}")
    return values


def is_secret(name: str) -> bool:
    """Whether the setting `name` may hold a secret, and so may come from a file of its own."""
    kind = msgspec.inspect.type_info(_FIELDS[name].type)
    return isinstance(kind, msgspec.inspect.Metadata) and bool((kind.extra or {}).get("secret"))


def _converted(value: object, name: str, where: str) -> Any:
    if name not in _FIELDS:
        raise ConfigError(f"{where}: there is no such setting{_hint(name, _FIELDS)}")
    try:
        return msgspec.convert(value, _FIELDS[name].type, strict=False)
    except msgspec.ValidationError as error:
        reason = _reason(error, _FIELDS[name].type)
        raise ConfigError(f"{where}: {reason}, found {value!r}") from error


def _secret_from(path: str, where: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{where}: {path} cannot be read: {reason}") from error
    if not text:
        raise ConfigError(f"{where}: {path} is empty")
    return text


# --- file ----------------------------------------------------------------------------------------


def _from_file(path: str) -> dict[str, Any]:
    text, data = _parsed(path)
    base = os.path.dirname(os.path.abspath(path))
    values: dict[str, Any] = {}
    for name, value in data.items():
        where = _location(path, text, (name,))
        if name not in _FIELDS:
            raise ConfigError(f"{name}: there is no such setting{_hint(name, _FIELDS)}", where)
        if name in _TABLES:
            values[name] = _entries(path, text, name, value)
            continue
        values[name] = _typed(value, _FIELDS[name].type, name, where)
        if name in _PATHS or (name == "audit" and "://" not in value):
            values[name] = os.path.join(base, value)
    return values


def _parsed(path: str) -> tuple[str, dict[str, Any]]:
    # Imported here: without a settings file nobody needs it, and `check` starts the sooner.
    import tomllib

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at line ([0-9]+), column ([0-9]+)\)$", str(error))
        where = Location(path, int(found[1]), int(found[2])) if found else Location(path)
        reason = str(error)[: found.start()] if found else str(error)
        raise ConfigError(f"this is not TOML: {_lower(reason)}", where) from error
    except UnicodeDecodeError as error:
        raise ConfigError("the file is not UTF-8", Location(path)) from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def _entries(path: str, text: str, table: str, entries: object) -> dict[str, Any]:
    kind = _TABLES[table]
    known = [field.name for field in msgspec.structs.fields(kind)]
    if not isinstance(entries, dict) or not all(isinstance(e, dict) for e in entries.values()):
        where = _location(path, text, (table,))
        raise ConfigError(f"{table}: expected tables, as in [{table}.NAME]", where)
    values: dict[str, Any] = {}
    for name, entry in entries.items():
        label, at = f"{table}.{name}", _location(path, text, (table, name))
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise ConfigError(f"{label}: a name has letters, digits, '-' and '_' only", at)
        for key in entry:
            if key not in known:
                where = _location(path, text, (table, name, key))
                raise ConfigError(f"{label}: there is no setting {key}{_hint(key, known)}", where)
        typed = _typed(entry, kind, label, at)
        try:
            values[name] = _with_secret(typed, label, os.path.dirname(os.path.abspath(path)))
        except ConfigError as error:
            raise ConfigError(error.message, at) from error
    if table == "tokens":
        _check_distinct(values, _location(path, text, (table,)))
    return values


def _typed(value: object, kind: Any, label: str, where: Location) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        inner = str(error).partition(" - at `$")[2].rstrip("`")
        raise ConfigError(f"{label}{inner}: {_reason(error, kind)}", where) from error


def _with_secret(entry: Token | Registry, label: str, base: str) -> Token | Registry:
    digest, file = (
        ("sha256", "value_file") if isinstance(entry, Token) else ("hook_sha256", "hook_token_file")
    )
    if bool(getattr(entry, digest)) == bool(getattr(entry, file)):
        raise ConfigError(f"{label}: give {digest} or {file}, one of them")
    changes: dict[str, Any] = {}
    if path := getattr(entry, file):
        secret = _secret_from(os.path.join(base, path), f"{label}.{file}")
        changes = {digest: hashlib.sha256(secret.encode()).hexdigest(), file: ""}
    if isinstance(entry, Registry):
        _check_url(entry, label)
        if entry.password_file:
            changes["password_file"] = os.path.join(base, entry.password_file)
    return msgspec.structs.replace(entry, **changes)


def _check_url(registry: Registry, label: str) -> None:
    scheme, host = ("https?", "http:// or https://") if registry.insecure else ("https", "https://")
    if not re.fullmatch(
        rf"{scheme}://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]+)?/?", registry.url
    ):
        raise ConfigError(f"{label}.url: {registry.url!r} is not {host} and a host")
    if bool(registry.username) != bool(registry.password_file):
        raise ConfigError(f"{label}: username and password_file belong together")


def _check_distinct(tokens: Mapping[str, Token], where: Location) -> None:
    names: dict[str, str] = {}
    for name, token in tokens.items():
        if (other := names.setdefault(token.sha256, name)) != name:
            raise ConfigError(f"tokens.{other} and tokens.{name} are the same token", where)


def _location(path: str, text: str, key: tuple[str, ...]) -> Location:
    """Return the line of `key`, found by its header or its assignment; line 0 when neither is."""
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


def _hint(name: str, known: Iterable[str]) -> str:
    near = _near(name, known)
    return f"; did you mean {near}?" if near else ""


def _near(name: str, known: Iterable[str]) -> str:
    # Imported here: only a mistake needs it, and `check` starts the sooner.
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(known), 1, cutoff=0.7)), "")


def _reason(error: msgspec.ValidationError, kind: Any) -> str:
    what = msgspec.inspect.type_info(kind)
    inner = what.type if isinstance(what, msgspec.inspect.Metadata) else what
    if isinstance(inner, msgspec.inspect.LiteralType):
        return f"expected {' or '.join(str(value) for value in inner.values)}"
    return _lower(str(error).partition(" - at `$")[0])


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
