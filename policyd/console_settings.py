"""The settings of the console: who may sign in, through which OpenID provider.

In: the table `[oidc]` and the tables `[roles.NAME]` of the settings file. Out: an OidcSettings and
Roles. Errors: ConfigError.
"""

from __future__ import annotations

import os
import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from policyd.errors import ConfigError
from policyd.issuer_settings import Globs

ANYBODY: Final = "*"
"""The group of everybody who can sign in."""


class OidcSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The OpenID provider of the people who use the console. Without `issuer` there is none."""

    issuer: Annotated[
        str,
        Meta(description="Issuer of the provider, exactly as its discovery document states it."),
    ] = ""
    client_id: Annotated[str, Meta(description="Client id of policyd at the provider.")] = ""
    client_secret_file: Annotated[
        str, Meta(description="File that contains the client secret. Default: a public client.")
    ] = ""
    scopes: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")], ...],
        Meta(description="Scopes that are requested besides `openid`."),
    ] = ("profile", "email")
    user_claim: Annotated[
        str, Meta(min_length=1, description="Claim that names the user in logs and events.")
    ] = "email"
    groups_claim: Annotated[
        str, Meta(min_length=1, description="Claim with the groups of the user.")
    ] = "groups"
    hosts: Annotated[
        Globs, Meta(description="Other hosts that the discovery document of the provider may name.")
    ] = ()
    insecure: Annotated[bool, Meta(description="Whether `issuer` may begin with http://.")] = False


class Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the users of some groups may do in the console."""

    groups: Annotated[
        Globs,
        Meta(
            min_length=1,
            description="Groups whose users have the role; `*` is everybody who can sign in. The "
            "first role that fits applies.",
        ),
    ]
    scopes: Annotated[
        tuple[Annotated[str, Meta(pattern="^(review|audit:read|bundles|admin)$")], ...],
        Meta(
            min_length=1,
            description="As those of a token: `review`, `audit:read`, `bundles`, `admin`.",
        ),
    ] = ("audit:read",)
    repositories: Annotated[
        Globs, Meta(min_length=1, description="Repositories that the role may read about.")
    ]
    environments: Annotated[
        Globs, Meta(description="Environments that the role may read about.")
    ] = ("**",)
    hosts: Annotated[Globs, Meta(description="Hosts that the role may read about.")] = ("**",)


def completed_oidc(settings: OidcSettings, base: str) -> OidcSettings:
    """Return valid `settings` with absolute paths; `base` is the folder of the settings file."""
    if not settings.issuer:
        raise ConfigError("oidc: the required setting issuer is missing")
    scheme, shown = (
        ("https?", "http:// or https://") if settings.insecure else ("https", "https://")
    )
    if not re.fullmatch(
        rf"{scheme}://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?", settings.issuer
    ):
        raise ConfigError(f"oidc.issuer: expected {shown} and a host, optionally with a path")
    if not settings.client_id:
        raise ConfigError("oidc: the required setting client_id is missing")
    if not settings.client_secret_file:
        return settings
    file = os.path.join(base, settings.client_secret_file)
    return msgspec.structs.replace(settings, client_secret_file=file)
