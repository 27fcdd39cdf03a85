"""Who may open a page of the console, and who may change something.

In: a request with a session cookie, a bearer token, or from this machine while no token is
configured. Out: the token that the page is shown for; without one, a redirect to the sign-in page.
A change needs the CSRF token of the browser's cookie, which pages of other sites cannot read.
Errors: Unauthorized, Forbidden. Source: RFC 6265bis, section 4.1.3.2 (`__Host-`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

from flask import Response, g, request

from policyd.audit.sessions import LIFETIME, Sessions
from policyd.config import Scope, Token
from policyd.errors import Forbidden
from policyd.services import Services
from policyd.web import access
from policyd.web.authentication import Authentication
from policyd.web.replies import see_other

COOKIE: Final = "__Host-policyd"
"""A browser keeps it for this host only, sends it over HTTPS or to this machine, and only from
pages of the console."""
SIGN_IN: Final = "/console/sign-in"
_BROWSER_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Entry:
    """Identifies who opens a page, and refuses changes that pages of other sites ask for."""

    def __init__(self, services: Services, authentication: Authentication) -> None:
        self._clock = services.clock
        self._authentication = authentication
        self._sessions = Sessions(services.audit)

    def admit(self, scopes: Mapping[str, tuple[Scope, ...]]) -> Response | None:
        """Set `g.token` to whom the page is shown for; return a redirect for strangers.

        `scopes` has the scopes of each route, one of which is required. Routes without an entry are
        open, and so is an address or a method without a route: its answer says so. Raises
        Unauthorized, Forbidden.
        """
        g.job, g.browser = None, _browser()
        rule = request.url_rule.rule if request.url_rule else ""
        sender = self._sender()
        found = sender or self._token()
        if found is None and rule in scopes:
            return _to_sign_in()
        if found is not None:
            g.token = found
        if request.method == "POST" and rule and sender is None:
            _check_origin()
        if rule in scopes:
            access.require_scope(g.token, scopes[rule])
        return None

    def _sender(self) -> Token | None:
        """Return the token in the header Authorization, None without one. Raises Unauthorized."""
        authorization = request.headers.get("Authorization", "")
        sender = self._authentication.sender(authorization) if authorization else None
        return sender.token if sender else None

    def _token(self) -> Token | None:
        """Return the token of the session, or of this machine while no token is configured."""
        session = self._sessions.find(g.browser, self._clock()) if g.browser else None
        if session and session.permissions:
            return access.stored_token(session.permissions)
        if session and (token := self._authentication.holder(session.token)):
            return token
        if self._authentication.is_required:
            return None
        access.refuse_browsers(request.host, request.headers.get("Origin", ""))
        return access.LOCAL


def keep_browser(response: Response) -> Response:
    """Give the browser an id if a form on the page needs one."""
    if g.get("new_browser"):
        set_cookie(response, g.browser)
    return response


def set_cookie(response: Response, name: str) -> None:
    """Make the browser keep the id of its session for as long as the session lives."""
    response.set_cookie(
        COOKIE, name, max_age=LIFETIME, path="/", secure=True, httponly=True, samesite="Strict"
    )


def csrf_token() -> str:
    """Return the token that each form has to send; it belongs to the cookie of this browser."""
    if not g.browser:
        g.browser, g.new_browser = secrets.token_urlsafe(32), True
    return hashlib.sha256(f"csrf:{g.browser}".encode()).hexdigest()


def safe_target(target: str) -> str:
    """Return the path of the console that `target` names; the overview for anything else."""
    path = unquote(target.partition("?")[0].partition("#")[0])
    outside = not path.startswith("/console/") or "//" in path or ".." in path.split("/")
    is_address = re.fullmatch(r"[\x21-\x5b\x5d-\x7e]+", target) and "\\" not in path
    return target if is_address and not outside else "/console/"


def _browser() -> str:
    given = request.cookies.get(COOKIE, "")
    return given if _BROWSER_ID.fullmatch(given) else ""


def _check_origin() -> None:
    if not g.browser:
        raise Forbidden(
            "the browser sent no cookie: open the console over HTTPS, and allow cookies"
        )
    given = request.form.get("csrf", "")
    if not hmac.compare_digest(given.encode(), csrf_token().encode()):
        raise Forbidden("the form is no longer valid: reload the page and send the form again")


def _to_sign_in() -> Response:
    target = request.full_path.rstrip("?") if request.method == "GET" else "/console/"
    return see_other(f"{SIGN_IN}?next={quote(target, safe='/')}")
