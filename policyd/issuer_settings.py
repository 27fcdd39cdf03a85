"""The settings of one issuer of identities of CI jobs, and what they must be.

In: a table `issuers.NAME` of the settings file. Out: an Issuer. Errors: ConfigError.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from policyd.errors import ConfigError
from policyd.model import EnforcementPoint, FailurePolicy
from policyd.suggestion import did_you_mean

Globs = tuple[Annotated[str, Meta(min_length=1)], ...]


OwnFailurePolicy = Annotated[
    Literal["", FailurePolicy],
    Meta(
        description="What follows when policyd itself fails: `Fail` denies, `Ignore` allows with a "
        "warning. Default: that of the enforcement point."
    ),
]


class Issuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A CI system whose OpenID Connect tokens say which job requests a review."""

    issuer: Annotated[
        str,
        Meta(
            description="Issuer exactly as its tokens state it: "
            "`https://token.actions.githubusercontent.com`, or the URL of a GitLab instance."
        ),
    ]
    audience: Annotated[
        str,
        Meta(
            min_length=1,
            description="Audience that tokens must have, and no other: the URL of this webhook.",
        ),
    ]
    kind: Annotated[
        Literal["github", "gitlab", "generic"],
        Meta(description="Which claims the tokens have. `generic` needs `claims`."),
    ]
    repositories: Annotated[
        Globs, Meta(min_length=1, description="Repositories whose jobs may request reviews.")
    ]
    environments: Annotated[
        Globs, Meta(description="Environments that jobs may request reviews for.")
    ] = ("**",)
    hosts: Annotated[Globs, Meta(description="Hosts that jobs may request reviews for.")] = ("**",)
    enforcement_point: Annotated[
        EnforcementPoint, Meta(description="Enforcement point of reviews that jobs request.")
    ] = "ci"
    failure_policy: OwnFailurePolicy = ""
    prefix: Annotated[str, Meta(description="Prefix of the repository names in reviews.")] = ""
    owner_ids: Annotated[
        Globs,
        Meta(
            description="Ids of the owners of the repositories, as in the claims "
            "`repository_owner_id` of GitHub and `namespace_id` of GitLab. Default: any."
        ),
    ] = ()
    bound_claims: Annotated[
        dict[str, str],
        Meta(description="Claims that every token must have, each with exactly this text."),
    ] = {}
    claims: Annotated[
        dict[str, str],
        Meta(
            description="For `generic`: the claims that state repository, repository_id, owner_id, "
            "ref, commit, environment, user, user_id and protected."
        ),
    ] = {}
    jwks_file: Annotated[
        str, Meta(description="File with the public keys (JWKS). Default: those that it publishes.")
    ] = ""
    jwks_hosts: Annotated[
        Globs, Meta(description="Other hosts that its discovery document may name for the keys.")
    ] = ()
    max_lifetime: Annotated[
        int, Meta(ge=60, le=604_800, description="Longest lifetime of a token, in seconds.")
    ] = 86_400
    insecure: Annotated[bool, Meta(description="Whether `issuer` may begin with http://.")] = False


CLAIM_NAMES: Final = (
    "repository",
    "repository_id",
    "owner_id",
    "ref",
    "commit",
    "environment",
    "user",
    "user_id",
    "protected",
)
"""What `claims` of a generic issuer may state."""


def check_issuer(issuer: Issuer, label: str) -> None:
    """Raise ConfigError unless `issuer` is complete. `label` names its table: issuers.github."""
    scheme, shown = ("https?", "http:// or https://") if issuer.insecure else ("https", "https://")
    if not re.fullmatch(
        rf"{scheme}://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?", issuer.issuer
    ):
        raise ConfigError(f"{label}.issuer: expected {shown} and a host, optionally with a path")
    if issuer.kind == "github" and issuer.audience.startswith("https://github.com/"):
        raise ConfigError(
            f"{label}.audience: every job of the owner can get tokens for {issuer.audience}; "
            "write the URL of this webhook, and request tokens for it"
        )
    if issuer.kind != "generic" and issuer.claims:
        raise ConfigError(f"{label}.claims: only issuers of the kind generic have it")
    if issuer.kind == "generic":
        unknown = [name for name in issuer.claims if name not in CLAIM_NAMES]
        if unknown:
            hint = did_you_mean(unknown[0], CLAIM_NAMES)
            raise ConfigError(f"{label}.claims: unknown name {unknown[0]}{hint}")
        if "repository" not in issuer.claims or not issuer.bound_claims:
            raise ConfigError(
                f"{label}: an issuer of the kind generic needs claims.repository and bound_claims"
            )
