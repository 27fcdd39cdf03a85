"""Who may ask for what.

In: the headers of a request, the configured tokens, what a review says it is about. Out: the token
that asks, and the user that the review is recorded for. Errors: Unauthorized, Forbidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from policyd.config import Token, is_loopback
from policyd.errors import Forbidden, Unauthorized
from policyd.model import Source, UserInfo
from policyd.policies.matching import matches_any
from policyd.web.bearer import matches, presented

LOCAL: Final = Token(owner="local", repositories=("**",), speaks_for_users=True)
"""Who asks when no token is configured: then only this machine can, and it may speak for all."""


def authenticate(authorization: str, tokens: Mapping[str, Token]) -> Token:
    """Return the token in the header `authorization`, or LOCAL where none is configured.

    Raises Unauthorized.
    """
    if not tokens:
        return LOCAL
    if not authorization:
        raise Unauthorized("this needs a token: Authorization: Bearer …")
    digest = presented(authorization)
    found = [token for token in tokens.values() if matches(digest, token.sha256)]
    if not found:
        raise Unauthorized("this token is not known")
    return found[0]


def refuse_browsers(host: str, origin: str) -> None:
    """Keep pages of others, open in a browser here, from a webhook that asks for no token.

    A name that an attacker points to this machine is no name of it (DNS rebinding), and a page's
    own requests say where it is from. Raises Forbidden.
    """
    name = urlsplit(f"//{host}").hostname or ""
    if not is_loopback(name):
        raise Forbidden(f"without a token, this answers to localhost only, not to {name!r}")
    if origin and urlsplit(origin).netloc != host:
        raise Forbidden("without a token, this answers to no page of another site")


def authorise(token: Token, source: Source, user_info: UserInfo | None) -> UserInfo:
    """Return the user that a review about `source` is asked by. Raises Forbidden.

    `user_info` is what the request says, if it says anything.
    """
    for kind, name, globs in (
        ("repository", source.repository, token.repositories),
        ("environment", source.environment, token.environments),
        ("host", source.host, token.hosts),
    ):
        if name and not matches_any(globs, name):
            raise Forbidden(f"this token may not speak for the {kind} {name!r}")
    if user_info is None:
        return UserInfo(username=token.owner)
    if not token.speaks_for_users:
        raise Forbidden("this token may not say who asks: leave userInfo out")
    return user_info
