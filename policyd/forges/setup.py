"""What a forge is given and asked when it is set up.

In: the settings of a forge. Out: what is wrong with its credentials, the table for the settings
file, the values for the form of the webhook, the manifest of a GitHub App. Errors: ForgeError.
Sources: GitHub, "Registering a GitHub App from a manifest"; GitLab and Gitea, "Webhooks".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from policyd.errors import ForgeError
from policyd.forge_settings import ForgeKind, ForgeSettings
from policyd.forges.contract import Call
from policyd.forges.tokens import PERMISSIONS, token_source
from policyd.forges.transport import Gone, Transport

EVENTS: Final[Mapping[ForgeKind, tuple[str, ...]]] = {
    "github": ("check_run", "check_suite", "pull_request", "push"),
    "gitlab": ("Push events", "Merge request events"),
    "gitea": ("Push", "Pull Request", "Pull Request Synchronized"),
}
"""The events that a webhook is subscribed to, as each forge calls them."""
TOKEN_RIGHTS: Final[Mapping[ForgeKind, str]] = {
    "github": "a fine-grained token with contents:read, pull_requests:read and statuses:write",
    "gitlab": "a project or group access token with the scope api and the role Developer",
    "gitea": "a token with read:repository, write:issue, write:repository and read:user",
}
_LEVELS: Final = ("none", "read", "write", "admin")


class _User(msgspec.Struct, frozen=True):
    login: str = ""
    username: str = ""


class _App(msgspec.Struct, frozen=True):
    slug: str = ""
    permissions: dict[str, str] = {}
    events: tuple[str, ...] = ()


class Check(msgspec.Struct, frozen=True):
    """The result of one check: what was checked, and what is wrong, "" for nothing."""

    what: str
    problem: str = ""


def checks(forge: ForgeSettings, label: str) -> list[Check]:
    """Return whether the credentials of `forge` suffice, and which repositories they reach.

    `label` names its table in messages. Raises ConfigError for a file that cannot be read.
    """
    transport = Transport(forge, token_source(forge, label))
    try:
        found = [_app(transport) if forge.app_id else _user(transport)]
    except ForgeError as error:
        return [Check("credentials", str(error))]
    if forge.app_id:
        return found
    for repository in forge.repositories:
        if not set("*?[{") & set(repository):
            found.append(_reach(transport, forge.kind, repository))
    return found


def _user(transport: Transport) -> Check:
    user = _decoded(transport.send(Call("GET", "/user")), _User)
    return Check(f"the token belongs to {user.login or user.username or 'an unnamed user'}")


def _app(transport: Transport) -> Check:
    app = _decoded(transport.send(Call("GET", "/app")), _App)
    missing = [
        f"{name}:{level}"
        for name, level in PERMISSIONS.items()
        if _LEVELS.index(app.permissions.get(name, "none")) < _LEVELS.index(level)
    ]
    missing += [f"the event {name}" for name in EVENTS["github"] if name not in _events(app)]
    problem = f"it lacks {', '.join(missing)}" if missing else ""
    return Check(f"the App {app.slug}", problem)


def _events(app: _App) -> tuple[str, ...]:
    # Apps with checks:write receive these two without subscribing.
    return (*app.events, "check_run", "check_suite")


def _reach(transport: Transport, kind: ForgeKind, repository: str) -> Check:
    path = f"/projects/{quote(repository, safe='')}" if kind == "gitlab" else f"/repos/{repository}"
    try:
        transport.send(Call("GET", path))
    except Gone:
        problem = "it does not exist, or the token does not permit to see it"
        return Check(f"the repository {repository}", problem)
    except ForgeError as error:
        return Check(f"the repository {repository}", str(error))
    return Check(f"the repository {repository}")


def _decoded(answer: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(answer, type=kind)
    except (ValueError, RecursionError) as error:
        raise ForgeError("the forge sent an answer that is not valid; check url") from error


def settings_table(name: str, forge: ForgeSettings) -> str:
    """Return the table of `forge` for the settings file, in TOML."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(ForgeSettings)}
    lines = [f"[forges.{name}]"]
    for key, value in msgspec.structs.asdict(forge).items():
        if value != defaults[key]:
            shown = list(value) if isinstance(value, tuple) else value
            lines.append(f"{key} = {json.dumps(shown, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def hook_url(service: str, kind: ForgeKind, name: str) -> str:
    """Return the URL at which `service`, a base URL, receives the webhooks of the forge."""
    return f"{service.rstrip('/')}/hooks/{kind}/{name}"


def app_manifest(service: str, name: str) -> str:
    """Return the manifest of a GitHub App with the least permissions, as JSON."""
    manifest = {
        "name": "policyd",
        "url": service,
        "hook_attributes": {"url": hook_url(service, "github", name), "active": True},
        "public": False,
        "default_permissions": PERMISSIONS,
        "default_events": EVENTS["github"],
    }
    return json.dumps(manifest, indent=2) + "\n"
