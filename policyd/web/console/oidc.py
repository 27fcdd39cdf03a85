"""/console/oidc and /console/oidc/callback: sign in through the OpenID provider of the settings.

In: a browser that comes from the sign-in page, then from the provider. Out: a redirect to the
provider, then a session. A cookie that lives for ten minutes ties both to one browser. The browser
then loads the page itself: it sends a cookie with SameSite=Strict only when it comes from this
site.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import msgspec
import structlog
from flask import Blueprint, Response, g, request

from policyd.audit.sessions import Session, Sessions
from policyd.errors import ConfigError, Unauthorized
from policyd.services import Services
from policyd.web.console import entry
from policyd.web.console.pages import html
from policyd.web.console.sign_in import SignInQuery
from policyd.web.query import parameters
from policyd.web.replies import see_other

if TYPE_CHECKING:
    from policyd.identity.people import People

START: Final = "/console/oidc"
CALLBACK: Final = "/console/oidc/callback"
COOKIE: Final = "__Host-policyd-oidc"
"""Holds the secret of a sign-in that has begun, and the page that was asked for."""
LIFETIME: Final = 600
"""Seconds within which a person has to sign in at the provider."""

log = structlog.get_logger("policyd.identity")


class CallbackQuery(msgspec.Struct, frozen=True):
    """What the provider sends; it may add more."""

    code: str = ""
    state: str = ""
    error: str = ""


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes, which are open to strangers. Raises ConfigError for incomplete settings."""
    people = _people(services)
    sessions = Sessions(services.audit)

    @blueprint.get("/oidc")
    def begin() -> Response:
        target = entry.safe_target(parameters(request, SignInQuery).next)
        secret = secrets.token_urlsafe(32)
        answer = see_other(people.address(secret))
        answer.set_cookie(
            COOKIE,
            f"{secret}.{target}",
            max_age=LIFETIME,
            path="/",
            secure=True,
            httponly=True,
            samesite="Lax",
        )
        return answer

    @blueprint.get("/oidc/callback")
    def callback() -> Response:
        secret, _, target = request.cookies.get(COOKIE, "").partition(".")
        query = msgspec.convert(request.args.to_dict(), CallbackQuery)
        if query.error:
            raise Unauthorized("the OpenID provider did not sign you in")
        permissions = people.person(secret, query.state, query.code)
        sessions.end(g.browser)
        name = sessions.begin(Session(permissions=permissions), services.clock())
        log.info("signed in", owner=permissions.owner)
        g.browser = name
        target = entry.safe_target(target)
        answer = html("signed_in.html", title="Signed in", target=target, owner=permissions.owner)
        answer.headers["Refresh"] = f"0; url={target}"
        answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
        entry.set_cookie(answer, name)
        return answer


def _people(services: Services) -> People:
    settings = services.settings
    if not settings.public_url:
        raise ConfigError("oidc needs the setting public_url, to which the provider sends browsers")
    if not settings.roles:
        raise ConfigError("oidc needs a role, as in [roles.NAME]: nobody could use the console")
    # Imported here because only these settings need the packages.
    try:
        from policyd.audit.key_sets import KeySets
        from policyd.identity.people import People
    except ImportError as error:
        raise ConfigError(
            "oidc needs the packages PyJWT and cryptography: pip install 'policyd[oidc]'"
        ) from error
    callback = settings.public_url.rstrip("/") + CALLBACK
    return People(settings.oidc, settings.roles, callback, KeySets(services.audit))
