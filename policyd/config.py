"""The settings of policyd: their names, types, defaults and descriptions in one table.

A flag on the command line overrides an environment variable POLICYD_<SETTING>, which overrides the
settings file. `settings_reader.py` reads all three. A value that is not valid is a ConfigError.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from policyd.console_settings import OidcSettings, Role
from policyd.errors import ConfigError
from policyd.forge_settings import ForgeSettings
from policyd.host_settings import HostSettings
from policyd.issuer_settings import Issuer, OwnFailurePolicy
from policyd.limits import MAX_BUNDLE
from policyd.model import EnforcementPoint, FailurePolicy
from policyd.publication_settings import CheckpointCopy, Witness

ENVIRONMENT_PREFIX: Final = "POLICYD_"
CONFIG_VARIABLE: Final = "POLICYD_CONFIG"
"""The variable that names the settings file, where `--config` does not."""

DOCKER_HUB: Final = "docker.io"
"""The host of image references that name none."""

SECRET: Final = {"secret": True}
"""Marks a setting that may hold a secret, and may therefore be read from a file of its own."""

HttpUrl = Annotated[
    str,
    Meta(
        pattern=r"^(https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?)?\Z"
    ),
]
Sha256 = Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")]
Globs = tuple[Annotated[str, Meta(min_length=1)], ...]


Scope = Literal["review", "audit:read", "metrics", "bundles", "admin"]
"""What a token may be used for. `admin` includes the others."""

DEFAULT_SCOPES: Final[tuple[Scope, ...]] = ("review", "audit:read", "metrics", "bundles")

LIMITED_SCOPES: Final[tuple[Scope, ...]] = ("review", "audit:read", "admin")
"""The scopes whose tokens are limited to repositories, environments and hosts."""


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bearer token: its owner, scopes and limits. Set `sha256` or `value_file`.

    `repositories` is required for the scopes `review`, `audit:read` and `admin`.
    """

    owner: Annotated[
        str, Meta(min_length=1, description="Owner of the token, as shown in reviews and logs.")
    ]
    sha256: Annotated[Sha256, Meta(description="SHA-256 digest of the token, in hexadecimal.")] = ""
    value_file: Annotated[str, Meta(description="File that contains the token.")] = ""
    scopes: Annotated[
        tuple[Scope, ...],
        Meta(
            min_length=1,
            description="What the token may be used for: `review` requests reviews and reads the "
            "catalogue, `audit:read` reads decisions, grants and the transparency log, `metrics` "
            "reads metrics, `bundles` reads OPA bundles and the catalogue, `admin` also reads the "
            "pushes to registries and includes all others.",
        ),
    ] = DEFAULT_SCOPES
    repositories: Annotated[
        Globs, Meta(description="Repositories that the token may review and read about.")
    ] = ()
    environments: Annotated[
        Globs, Meta(description="Environments that the token may review and read about.")
    ] = ("**",)
    hosts: Annotated[Globs, Meta(description="Hosts that the token may review and read about.")] = (
        "**",
    )
    enforcement_point: Annotated[
        EnforcementPoint,
        Meta(description="Enforcement point of reviews that are made with the token."),
    ] = "webhook"
    failure_policy: OwnFailurePolicy = ""
    speaks_for_users: Annotated[
        bool, Meta(description="Whether a request may state the user on whose behalf it is made.")
    ] = False


class RegistryAccess(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a registry is reached, and with which credentials."""

    url: Annotated[str, Meta(description="Base URL of the registry: https://registry.example")]
    insecure: Annotated[bool, Meta(description="Whether `url` may begin with http://.")] = False
    username: Annotated[str, Meta(description="User name for pulling.")] = ""
    password_file: Annotated[
        str, Meta(description="File that contains the password for pulling.")
    ] = ""
    auth_hosts: Annotated[
        tuple[str, ...], Meta(description="Other hosts that may issue pull tokens.")
    ] = ()


class Registry(RegistryAccess, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A registry that may send notifications. Set `hook_sha256` or `hook_token_file`."""

    kind: Annotated[
        Literal["distribution", "dockerhub", "harbor"],
        Meta(
            description="Kind of the notifications. Docker Hub sends the token as the parameter "
            "`token` of the URL; the others send it as a bearer token."
        ),
    ] = "distribution"
    hook_sha256: Annotated[
        Sha256,
        Meta(description="SHA-256 digest of the token that notifications carry, in hexadecimal."),
    ] = ""
    hook_token_file: Annotated[
        str, Meta(description="File that contains the token that notifications carry.")
    ] = ""
    prefix: Annotated[str, Meta(description="Prefix of the repository names in reviews.")] = ""
    on_denied: Annotated[
        Literal["keep", "delete", "label"],
        Meta(
            description="What becomes of a denied artifact. `delete`: Harbor deletes its tag, "
            "other registries its manifest. `label`: Harbor adds the label `denied_label`."
        ),
    ] = "keep"
    denied_label: Annotated[
        int, Meta(ge=0, description="Id of the label in Harbor that denied artifacts get.")
    ] = 0
    attach_receipts: Annotated[
        bool,
        Meta(
            description="Whether to attach the receipt of a decision to the pushed artifact. "
            "`username` then needs the permission to push."
        ),
    ] = False


class ImageRegistry(RegistryAccess, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A registry from which `images = "inspect"` may read the configurations of images."""

    host: Annotated[
        str,
        Meta(
            min_length=1,
            description="Host in image references, with its port if it has one: `ghcr.io`. "
            "`docker.io` stands for names without a host.",
        ),
    ]
    url: Annotated[
        str,
        Meta(
            description="Base URL of the registry. Default: `https://` and `host`; for "
            "`docker.io` `https://registry-1.docker.io`."
        ),
    ] = ""
    redirect_hosts: Annotated[
        Globs,
        Meta(
            description="Other hosts that the registry may redirect to. They receive no "
            "credentials. `*.example` stands for all hosts below `example`."
        ),
    ] = ()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every setting. With `audit` "", no decision is recorded."""

    policy_set: Annotated[
        str,
        Meta(description="Policy set: a YAML file or a folder. Default: the built-in policy set."),
    ] = ""
    audit: Annotated[
        str,
        Meta(description="Audit log: a path, sqlite:///… or postgresql://….", extra=SECRET),
    ] = ""
    audit_key_file: Annotated[
        str,
        Meta(
            description="Ed25519 private key that signs checkpoints of the audit log, a PEM file."
        ),
    ] = ""
    audit_origin: Annotated[
        str,
        Meta(
            description="Name of the audit log in its checkpoints, as in policyd.acme.example/log."
        ),
    ] = ""
    checkpoint_interval: Annotated[
        int,
        Meta(
            ge=0,
            le=86_400,
            description="Interval at which `policyd serve` signs a checkpoint of new events and "
            "publishes it, in seconds; it also does when it stops. 0: never.",
        ),
    ] = 60
    checkpoint_copies: Annotated[
        dict[str, CheckpointCopy], Meta(description="Files and URLs for checkpoints, by name.")
    ] = {}
    witnesses: Annotated[
        dict[str, Witness], Meta(description="Witnesses that cosign checkpoints, by name.")
    ] = {}
    receipt_key_file: Annotated[
        str,
        Meta(description="Ed25519 or ECDSA P-256 private key that signs receipts, a PEM file."),
    ] = ""
    receipt_lifetime: Annotated[
        int,
        Meta(ge=60, le=31_536_000, description="Lifetime of a receipt, in seconds."),
    ] = 86_400
    receipt_public_keys_file: Annotated[
        str,
        Meta(description="Public keys whose receipts count, a PEM file with one or more of them."),
    ] = ""
    input_retention: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Days for which the input of a decision is kept after its last use, "
            "without values, to evaluate it again. 0: none is recorded.",
        ),
    ] = 90
    reload_interval: Annotated[
        int,
        Meta(
            ge=0,
            le=86_400,
            description="Polling interval for changes of the policy set, in seconds. 0: none.",
        ),
    ] = 5
    engine: Annotated[
        Literal["embedded", "opa"], Meta(description="Engine that evaluates Rego.")
    ] = "embedded"
    engine_url: Annotated[
        str, Meta(description="URL of the OPA server, when `engine` is `opa`.")
    ] = ""
    engine_token: Annotated[
        str, Meta(description="Bearer token for the OPA server.", extra=SECRET)
    ] = ""
    engine_ca_file: Annotated[
        str, Meta(description="CA certificates for verifying the OPA server, a PEM file.")
    ] = ""
    listen: Annotated[str, Meta(description="Address that the webhook listens on.")] = (
        "127.0.0.1:8093"
    )
    tls_certificate_file: Annotated[
        str, Meta(description="Certificate of the webhook for HTTPS, a PEM file with its chain.")
    ] = ""
    tls_key_file: Annotated[
        str, Meta(description="Private key of the certificate, a PEM file without a password.")
    ] = ""
    tls_client_ca_file: Annotated[
        str,
        Meta(description="CA certificates; clients then need a certificate of one, a PEM file."),
    ] = ""
    workers: Annotated[int, Meta(ge=1, le=256, description="Number of worker processes.")] = 2
    threads: Annotated[
        int, Meta(ge=1, le=256, description="Number of threads in each worker process.")
    ] = 8
    max_body: Annotated[
        int, Meta(ge=1024, description="Maximum size of a request body, in bytes.")
    ] = MAX_BUNDLE
    review_timeout: Annotated[
        int,
        Meta(
            ge=1, le=600, description="Time limit of a review, from request to answer, in seconds."
        ),
    ] = 10
    decision_cache: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            description="Number of decisions that each worker process keeps to answer the same "
            "review again. 0: none.",
        ),
    ] = 1_000
    failure_policies: Annotated[
        dict[EnforcementPoint, FailurePolicy],
        Meta(
            description='Failure policies by enforcement point, as in `ci = "Ignore"`. Without '
            "one, `Fail`."
        ),
    ] = {}
    deferred_folder: Annotated[
        str,
        Meta(
            description="Folder for decisions that wait until the audit log can be written again, "
            "where a failure policy is `Ignore`. Default: the path of the audit log on SQLite and "
            "`.deferred`."
        ),
    ] = ""
    log_format: Annotated[
        Literal["json", "console"], Meta(description="Format of log messages.")
    ] = "json"
    public_url: Annotated[
        HttpUrl,
        Meta(
            description="Base URL at which people reach the webhook, as in "
            "`https://policyd.example`. Reports at forges link to decisions there, and an "
            "OpenID provider sends browsers back to it."
        ),
    ] = ""
    console: Annotated[
        bool, Meta(description="Whether the webhook serves the console, at `/console/`.")
    ] = True
    tokens: Annotated[
        dict[str, Token],
        Meta(
            description="Bearer tokens, by name. Without any, `listen` must be a loopback address."
        ),
    ] = {}
    issuers: Annotated[
        dict[str, Issuer],
        Meta(description="CI systems whose jobs may request reviews without a token, by name."),
    ] = {}
    registries: Annotated[
        dict[str, Registry], Meta(description="Registries that may send notifications, by name.")
    ] = {}
    forges: Annotated[
        dict[str, ForgeSettings], Meta(description="Forges that may send webhooks, by name.")
    ] = {}
    images: Annotated[
        Literal["off", "inspect"],
        Meta(
            description="`inspect`: read the configurations of images from `image_registries`, "
            "unless the caller hands them over."
        ),
    ] = "off"
    image_timeout: Annotated[
        int,
        Meta(
            ge=1,
            le=60,
            description="Maximum duration of reading the images of one review, in seconds.",
        ),
    ] = 5
    image_registries: Annotated[
        dict[str, ImageRegistry],
        Meta(description='Registries that may be read with `images = "inspect"`, by name.'),
    ] = {}
    oidc: Annotated[
        OidcSettings, Meta(description="The OpenID provider of the people who use the console.")
    ] = OidcSettings()
    roles: Annotated[
        dict[str, Role],
        Meta(description="What people who sign in through `oidc` may do, by name of the role."),
    ] = {}
    host: Annotated[HostSettings, Meta(description="The gate on a host, `policyd host serve`.")] = (
        HostSettings()
    )


def default_audit(environment: Mapping[str, str]) -> str:
    """Return the default path of the audit log of `policyd serve`.

    Raises ConfigError when neither XDG_STATE_HOME nor HOME is set.
    """
    state = environment.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        home = environment.get("HOME", "")
        if not home:
            raise ConfigError(
                "cannot determine the default path of the audit log: neither XDG_STATE_HOME nor "
                "HOME is set; set --audit"
            )
        state = os.path.join(home, ".local", "state")
    return os.path.join(state, "policyd", "audit.db")
