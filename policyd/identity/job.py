"""Read from the claims of a verified token which CI job asks, and what it may do.

In: the claims of a token whose signature, issuer, audience and times are verified, and the settings
of its issuer. Out: a Job. Its repository, ref, commit, environment and user are those of the
claims: the body of a request may only repeat them. `sub` is never parsed, because its form can be
customised. Errors: Unauthorized for missing claims, Forbidden for what the settings or the kind of
the job do not allow. Sources: GitHub, "OpenID Connect reference"; GitLab, "OpenID Connect (OIDC)
Authentication Using ID Tokens"; GitLab issue 548165 for pipelines of forks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from policyd.errors import Forbidden, Unauthorized
from policyd.model import Operation, Source, UserInfo
from policyd.policies.matching import matches_any

if TYPE_CHECKING:
    from policyd.issuer_settings import Issuer

GRANTING_EVENTS: Final = (
    "push",
    "workflow_dispatch",
    "deployment",
    "release",
    "schedule",
    "merge_group",
)
"""Events of GitHub whose workflows run only code that is in the repository."""

_FOREIGN_PIPELINES: Final = ("merge_request_event", "external_pull_request_event")
"""Values of `pipeline_source` of GitLab for code that is not merged yet."""

_MAX_CLAIM: Final = 1024
"""Characters of a claim that is used. Names, refs and ids are shorter."""

_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
"""Names of repositories at GitHub and GitLab. None has a character that a glob would read."""


_Claim: TypeAlias = Callable[[str], str]
"""A function that returns a claim as text, "" if the token does not state it."""


class Job(msgspec.Struct, frozen=True):
    """A CI job. A value is "" if the token does not state it.

    `issuer` is the name of the issuer in the settings, `subject` the claim `sub`. `expires` is in
    seconds since the epoch.
    `obstacle` says why the job must not get grants; "" if it may.
    """

    issuer: str
    token_id: str
    expires: int
    repository: str
    repository_id: str
    owner_id: str
    ref: str
    commit: str
    environment: str
    user: UserInfo
    obstacle: str
    subject: str = ""


class KnownRepository(msgspec.Struct, frozen=True, rename="camel"):
    """A repository whose jobs were accepted, and the ids that the first token stated."""

    issuer: str
    repository: str
    repository_id: str
    owner_id: str


def job_of(name: str, issuer: Issuer, claims: Mapping[str, Any]) -> Job:
    """Return the job that `claims` of the issuer called `name` describe.

    Raises Unauthorized, Forbidden.
    """
    _check_bound(name, issuer, claims)
    claim = _texts(claims)
    names = _CLAIMS.get(issuer.kind, issuer.claims)

    def stated(field: str) -> str:
        return claim(names.get(field, ""))

    job = Job(
        issuer=name,
        token_id=claim("jti"),
        expires=int(claim("exp")),
        repository=stated("repository"),
        repository_id=stated("repository_id"),
        owner_id=stated("owner_id"),
        ref=stated("ref"),
        commit=stated("commit"),
        environment=stated("environment"),
        user=_user(name, stated("user"), stated("user_id")),
        obstacle=_OBSTACLES.get(issuer.kind, _no_protection)(claim, names),
        subject=claim("sub"),
    )
    if not _REPOSITORY.fullmatch(job.repository) or {".", ".."} & {*job.repository.split("/")}:
        raise Unauthorized("the token states no valid name of a repository")
    if not matches_any([one.lower() for one in issuer.repositories], job.repository.lower()):
        raise Forbidden(f"the issuer {name} is not valid for the repository {job.repository!r}")
    if issuer.owner_ids and job.owner_id not in issuer.owner_ids:
        raise Forbidden(
            f"the owner of the repository has the id {job.owner_id!r}, "
            f"which is not one of the owner_ids of the issuer {name}"
        )
    prefix = f"{issuer.prefix.strip('/')}/" if issuer.prefix else ""
    return msgspec.structs.replace(job, repository=prefix + job.repository)


def source_of(job: Job, source: Source, operation: Operation) -> Source:
    """Return `source` of a request completed by what the token of `job` states.

    What the token does not state, a request may state itself only for a CHECK, which grants
    nothing; the host is always stated by the request. Raises Forbidden.
    """
    if operation != "CHECK" and job.obstacle:
        raise Forbidden(f"this job may only request the operation CHECK: {job.obstacle}")
    values = {}
    for field in ("repository", "ref", "commit", "environment"):
        stated, given = getattr(job, field), getattr(source, field)
        if given and stated and not _is_same(field, given, stated):
            raise Forbidden(
                f"source.{field} is {given!r}, but the token of the job states {stated!r}"
            )
        if given and not stated and operation != "CHECK":
            raise Forbidden(
                f"source.{field} is {given!r}, which the token of the job does not state: a job "
                f"may state it itself only with the operation CHECK"
            )
        values[field] = stated or given
    return msgspec.structs.replace(source, **values)


def _is_same(field: str, given: str, stated: str) -> bool:
    if field == "repository":  # GitHub and GitLab ignore the case of names
        return given.lower() == stated.lower()
    # Jobs know the short name of a branch or tag as well as the full one.
    short = stated.removeprefix("refs/heads/").removeprefix("refs/tags/")
    return given == stated or (field == "ref" and given == short)


def _check_bound(name: str, issuer: Issuer, claims: Mapping[str, Any]) -> None:
    for claim, value in issuer.bound_claims.items():
        if claims.get(claim) != value:
            raise Forbidden(
                f"the claim {claim} of the token is not the one that the issuer {name} requires"
            )


def _texts(claims: Mapping[str, Any]) -> _Claim:

    def text(claim: str) -> str:
        value = claims.get(claim, "") if claim else ""
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        if not isinstance(value, str) or len(value) > _MAX_CLAIM or not value.isprintable():
            raise Unauthorized(f"the claim {claim} of the token is not a short text")
        return value

    return text


def _user(name: str, login: str, number: str) -> UserInfo:
    """Return a user whose names begin with that of the issuer: another issuer may use them too."""
    return UserInfo(f"{name}:{login}" if login else "", (f"{name}:id:{number}",) if number else ())


def _github_obstacle(claim: _Claim, _: Mapping[str, str]) -> str:
    event = claim("event_name")
    if event not in GRANTING_EVENTS:
        return f"it was started by the event {event!r}"
    if claim("ref_protected") != "true" and not claim("environment"):
        return "it runs neither for a protected branch or tag nor in an environment"
    return ""


def _gitlab_obstacle(claim: _Claim, _: Mapping[str, str]) -> str:
    pipeline = claim("pipeline_source")
    if claim("job_project_id") and claim("job_project_id") != claim("project_id"):
        return "it runs a pipeline of a fork"
    if pipeline in _FOREIGN_PIPELINES or not pipeline:
        return f"its pipeline was started by {pipeline!r}"
    if "true" not in (claim("ref_protected"), claim("environment_protected")):
        return "it runs neither for a protected branch or tag nor in a protected environment"
    return ""


def _no_protection(claim: _Claim, names: Mapping[str, str]) -> str:
    is_protected = claim(names.get("protected", "")) == "true"
    return "" if is_protected else "its token does not state that its ref is protected"


_CLAIMS: Final[Mapping[str, Mapping[str, str]]] = {
    "github": {
        "repository": "repository",
        "repository_id": "repository_id",
        "owner_id": "repository_owner_id",
        "ref": "ref",
        "commit": "sha",
        "environment": "environment",
        "user": "actor",
        "user_id": "actor_id",
    },
    "gitlab": {
        "repository": "project_path",
        "repository_id": "project_id",
        "owner_id": "namespace_id",
        "ref": "ref_path",
        "commit": "sha",
        "environment": "environment",
        "user": "user_login",
        "user_id": "user_id",
    },
}
"""The claims that state the fields of a job."""

_OBSTACLES: Final = {"github": _github_obstacle, "gitlab": _gitlab_obstacle}
