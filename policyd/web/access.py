"""Authentication and authorisation of requests.

In: the headers of a request, the configured tokens, what a review says about its subject. Out: the
token that the request presents, whether its scopes permit the request, the user that the review is
recorded for, and what the token may read. Tokens are compared
by their SHA-256 digests and in constant time, so that neither memory nor timing reveals one.
Errors: Unauthorized, Forbidden. Source: RFC 6750, section 2.1.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from policyd.audit.token_record import Permissions
from policyd.audit.visibility import ALL, EVERYTHING, Visibility
from policyd.config import LIMITED_SCOPES, Scope, Token
from policyd.errors import Forbidden, Unauthorized
from policyd.identity.job import Job
from policyd.issuer_settings import Issuer
from policyd.loopback import is_loopback
from policyd.model import Caller, Source, UserInfo
from policyd.policies.matching import matches_any

LOCAL: Final = Token(owner="local", scopes=("admin",), repositories=(ALL,), speaks_for_users=True)
"""Stands for the caller when no token is configured: only this machine can connect then."""

_JSON_WEB_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_HOST: Final = re.compile(r"(?:\[(?P<address>[^\[\]]+)\]|(?P<name>[^:\[\]]*))(?::[0-9]*)?")


def bearer(authorization: str) -> str:
    """Return the bearer token in the header `authorization`; "" for none."""
    found = re.fullmatch(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([\x21-\x7e]+) *", authorization)
    return found[1] if found else ""


def digest_of_bearer(authorization: str) -> str:
    """Return the SHA-256 (hex) of the bearer token in the header `authorization`; "" for none."""
    token = bearer(authorization)
    return hashlib.sha256(token.encode()).hexdigest() if token else ""


def is_token(digest: str, expected: str) -> bool:
    """Return whether `digest`, from `digest_of_bearer`, is `expected`. It never is if empty."""
    return hmac.compare_digest(digest, expected) and bool(expected)


def is_known(authorization: str, tokens: Mapping[str, Token]) -> bool:
    """Return whether the header `authorization` has one of `tokens`."""
    return bool(_found(authorization, tokens))


def authenticate(authorization: str, tokens: Mapping[str, Token]) -> Token:
    """Return the token in the header `authorization`. Raises Unauthorized."""
    if not authorization:
        raise Unauthorized("a token is required: Authorization: Bearer …")
    found = _found(authorization, tokens)
    if not found:
        raise Unauthorized("unknown token")
    return found[0]


def _found(authorization: str, tokens: Mapping[str, Token]) -> list[Token]:
    digest = digest_of_bearer(authorization)
    return [token for token in tokens.values() if is_token(digest, token.sha256)]


def is_json_web_token(token: str) -> bool:
    """Return whether `token` has the form of a JSON Web Token. Source: RFC 7515, section 7.1."""
    return _JSON_WEB_TOKEN.fullmatch(token) is not None


def stored_token(permissions: Permissions) -> Token:
    """Return the token with `permissions`, which is in the database."""
    return msgspec.convert(msgspec.structs.asdict(permissions), Token)


def caller(token: Token, job: Job | None) -> Caller:
    """Return who sends a request with `token`, which stands for `job` if there is one."""
    if job is None:
        return Caller(token.owner)
    return Caller(token.owner, job.subject, job.token_id)


def token_of(job: Job, issuer: Issuer) -> Token:
    """Return the token that stands for `job` of `issuer`: it is limited to one repository."""
    return Token(
        owner=f"{job.issuer}:{job.repository}",
        scopes=("review",),
        repositories=(job.repository,),
        environments=issuer.environments,
        hosts=issuer.hosts,
        enforcement_point=issuer.enforcement_point,
        failure_policy=issuer.failure_policy,
    )


def require_scope(token: Token, permitted: Collection[Scope]) -> None:
    """Raise Forbidden unless `token` has one of the scopes `permitted`, or `admin`."""
    if not {*permitted, "admin"} & {*token.scopes}:
        needed = " or ".join(sorted(permitted))
        raise Forbidden(
            f"this request requires a token with the scope {needed}; this token has "
            f"{', '.join(token.scopes)}"
        )


def visibility(token: Token) -> Visibility:
    """Return what `token` may read."""
    return Visibility(token.repositories, token.environments, token.hosts)


def rule_visibility(token: Token) -> Visibility:
    """Return what `token` may read of constraints.

    A token that only has the scope `bundles`, which reads the whole policy set, need not state
    repositories.
    """
    return visibility(token) if {*token.scopes} & {*LIMITED_SCOPES} else EVERYTHING


def refuse_browsers(host: str, origin: str) -> None:
    """Refuse requests that other sites' pages make from a browser on this machine.

    A webhook without tokens trusts this machine, and so would trust such a page. `host` and
    `origin` are the headers of the request: with DNS rebinding the host is a foreign name, and a
    browser names the page's site in Origin. Raises Forbidden. Source: RFC 9110, section 7.2; RFC
    6454, section 7.1.
    """
    found = _HOST.fullmatch(host)
    name = (found["address"] or found["name"]).lower() if found else host
    if not is_loopback(name):
        raise Forbidden(f"without tokens, only requests to localhost are allowed, not to {name!r}")
    if origin and origin.partition("://")[2] != host:
        raise Forbidden("without tokens, requests from pages of other sites are not allowed")


def authorise(token: Token, source: Source, user_info: UserInfo | None) -> UserInfo:
    """Return the user that a review about `source` is recorded for. Raises Forbidden.

    `user_info` is the user named in the request, None if it names none.
    """
    for kind, name, globs in (
        ("repository", source.repository, token.repositories),
        ("environment", source.environment, token.environments),
        ("host", source.host, token.hosts),
    ):
        if ALL in globs:
            continue
        if not name:
            raise Forbidden(f"this token is limited by {kind}: the review must state its {kind}")
        if not matches_any(globs, name):
            raise Forbidden(f"this token is not valid for the {kind} {name!r}")
    if user_info is None:
        return UserInfo(username=token.owner)
    if not token.speaks_for_users:
        raise Forbidden("this token may not name a user: remove userInfo")
    return user_info
