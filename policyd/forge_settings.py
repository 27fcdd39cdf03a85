"""The settings of one forge, and what they must be.

In: a table `forges.NAME` of the settings file. Out: ForgeSettings with its defaults and absolute
paths. Errors: ConfigError.
"""

from __future__ import annotations

import os
import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from policyd.errors import ConfigError

GITHUB_URL: Final = "https://api.github.com"
GITHUB_ARCHIVES: Final = ("codeload.github.com",)
"""The hosts that GitHub redirects to for archives."""

Globs = tuple[Annotated[str, Meta(min_length=1)], ...]

ForgeKind = Literal["github", "gitlab", "gitea"]


class ForgeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A forge that may send webhooks. Set `token_file`, or `app_id` and `app_key_file`."""

    kind: Annotated[
        ForgeKind, Meta(description="Kind of the forge. `gitea` stands for Forgejo too.")
    ]
    url: Annotated[
        str,
        Meta(
            description="Base URL of the API: `https://gitlab.example/api/v4`, "
            "`https://gitea.example/api/v1`, `https://github.example/api/v3`. Default for "
            "`github`: `https://api.github.com`."
        ),
    ] = ""
    secret_file: Annotated[
        str,
        Meta(
            description="File with the secret of the webhook: the one that signs deliveries, or "
            "for GitLab the secret token."
        ),
    ]
    token_file: Annotated[
        str, Meta(description="File with the token that reads repositories and reports verdicts.")
    ] = ""
    app_id: Annotated[str, Meta(description="Client id of the GitHub App.")] = ""
    app_key_file: Annotated[str, Meta(description="Private key of the GitHub App, a PEM file.")] = (
        ""
    )
    repositories: Annotated[
        Globs, Meta(min_length=1, description="Repositories whose deliveries are reviewed.")
    ]
    prefix: Annotated[str, Meta(description="Prefix of the repository names in reviews.")] = ""
    environment: Annotated[str, Meta(description="Environment that reviews state.")] = ""
    host: Annotated[str, Meta(description="Host that reviews state.")] = ""
    create_on: Annotated[
        Globs,
        Meta(
            description="Refs of protected branches, as in `refs/heads/main`: a push to one is a "
            "deployment (CREATE), whose grants are recorded. Default: each review is a CHECK."
        ),
    ] = ()
    user: Annotated[
        str,
        Meta(description="Name of the user whom `token_file` belongs to: its events are ignored."),
    ] = ""
    redirect_hosts: Annotated[
        Globs,
        Meta(
            description="Other hosts that the forge may redirect to for archives. They receive no "
            "credentials. Default for `https://api.github.com`: `codeload.github.com`."
        ),
    ] = ()
    report_url: Annotated[
        str,
        Meta(
            description="URL that the id of a decision is added to, for the links in reports. "
            "Default: the page of the decision below `public_url`."
        ),
    ] = ""
    poll_interval: Annotated[
        int,
        Meta(
            ge=0,
            le=86_400,
            description="Interval at which lost deliveries are looked for, in seconds. 0: never.",
        ),
    ] = 300
    insecure: Annotated[bool, Meta(description="Whether `url` may begin with http://.")] = False


def completed(forge: ForgeSettings, label: str, base: str) -> ForgeSettings:
    """Return `forge` with its defaults; paths are relative to `base`.

    `label` names its table in messages: forges.github. Raises ConfigError.
    """
    is_app = bool(forge.app_id or forge.app_key_file)
    if is_app and forge.kind != "github":
        raise ConfigError(f"{label}.app_id: only forges of the kind github have apps")
    if bool(forge.app_id) != bool(forge.app_key_file):
        raise ConfigError(f"{label}: app_id and app_key_file must be set together")
    if is_app == bool(forge.token_file):
        raise ConfigError(
            f"{label}: set token_file"
            + (", or app_id and app_key_file, not both" if forge.kind == "github" else "")
        )
    if forge.create_on and not (forge.environment or forge.host):
        raise ConfigError(
            f"{label}.create_on: grants need an environment or a host, so that they can be told "
            "apart; set environment or host"
        )
    url = forge.url or (GITHUB_URL if forge.kind == "github" else "")
    _check_url(url, f"{label}.url", insecure=forge.insecure)
    if forge.report_url:
        _check_url(forge.report_url, f"{label}.report_url", insecure=True)
    hosts = forge.redirect_hosts or (GITHUB_ARCHIVES if url == GITHUB_URL else ())
    paths = {
        name: os.path.join(base, path) if (path := getattr(forge, name)) else ""
        for name in ("secret_file", "token_file", "app_key_file")
    }
    lower = tuple(host.lower() for host in hosts)
    return msgspec.structs.replace(forge, url=url.rstrip("/"), redirect_hosts=lower, **paths)


def _check_url(url: str, label: str, *, insecure: bool) -> None:
    scheme, shown = ("https?", "http:// or https://") if insecure else ("https", "https://")
    host = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]+)?"
    if not re.fullmatch(rf"{scheme}://{host}(/[A-Za-z0-9._~/?=&#%-]*)?", url):
        raise ConfigError(f"{label}: expected {shown} and a host, optionally with a path")
