"""/console/sign-in and /console/sign-out: begin and end a session.

In: a token, pasted by its owner. Out: a session, whose id only the browser's cookie has.
"""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from flask import Blueprint, Response, g, request

from policyd.audit.sessions import Session, Sessions
from policyd.errors import Unauthorized
from policyd.services import Services
from policyd.web import access
from policyd.web.authentication import Authentication
from policyd.web.console import entry
from policyd.web.console.pages import html
from policyd.web.query import NoParameters, parameters
from policyd.web.replies import see_other


class SignInQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    next: str = "/console/"


def add_routes(blueprint: Blueprint, services: Services, authentication: Authentication) -> None:
    """Add the routes, which are open to strangers."""
    sessions = Sessions(services.audit)
    has_provider = bool(services.settings.oidc.issuer)

    def form(target: str, problem: str = "", code: int = HTTPStatus.OK) -> Response:
        return html(
            "sign_in.html",
            code,
            title="Sign in",
            target=target,
            problem=problem,
            has_provider=has_provider,
            is_required=authentication.is_required,
        )

    @blueprint.get("/sign-in")
    def ask() -> Response:
        query = parameters(request, SignInQuery)
        return form(entry.safe_target(query.next))

    @blueprint.post("/sign-in")
    def sign_in() -> Response:
        parameters(request, NoParameters)
        target = entry.safe_target(request.form.get("next", ""))
        digest = access.digest_of_bearer(f"Bearer {request.form.get('token', '').strip()}")
        if not digest or authentication.holder(digest) is None:
            return form(target, str(Unauthorized("unknown token")), HTTPStatus.UNAUTHORIZED)
        sessions.end(g.browser)
        return _begun(sessions, Session(token=digest), services.clock(), target)

    @blueprint.post("/sign-out")
    def sign_out() -> Response:
        parameters(request, NoParameters)
        sessions.end(g.browser)
        answer = see_other(entry.SIGN_IN)
        answer.delete_cookie(entry.COOKIE, path="/", secure=True, httponly=True)
        return answer


def _begun(sessions: Sessions, session: Session, now: int, target: str) -> Response:
    answer = see_other(target)
    entry.set_cookie(answer, sessions.begin(session, now))
    g.new_browser = False
    return answer
