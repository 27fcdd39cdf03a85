"""POST /v1/review: may this project be deployed?"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Flask, Response, g, request

from policyd import wire
from policyd.audit.jobs import Jobs
from policyd.bundle import MemoryFiles
from policyd.formats.available import REPORT
from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import reviewed
from policyd.identity.job import source_of
from policyd.model import Review
from policyd.services import Services
from policyd.web import access
from policyd.web.replies import reply
from policyd.web.review_request import question_of

TEXT: Final = "text/plain"
FORMS: Final = ("application/json", TEXT)
"""The media types of the answer, the default first."""
SECOND: Final = 1_000_000_000
"""Nanoseconds."""


def add_routes(app: Flask, services: Services) -> None:
    """Add the route."""

    @app.post("/v1/review")
    def review() -> Response:
        return _review(services)


def _review(services: Services) -> Response:
    """Answer the current request. Its decision is in the audit log when this returns.

    A denial is answered with HTTP 200, as an allow is, unless the request says `?fail=true`. With
    `Accept: text/plain`, the answer is the text that `policyd check` prints.
    """
    question, bundle = question_of(request, services.settings.max_body)
    source, operation, now = question.source, question.operation, services.clock()
    if g.job is not None:
        source = source_of(g.job, source, operation)
    user_info = access.authorise(g.token, source, question.user_info)
    if g.job is not None:
        user_info = g.job.user
        may_grant = operation != "CHECK" and not question.dry_run
        jobs = Jobs(services.audit.database)
        jobs.accept(g.job, question.uid, now // SECOND, may_grant=may_grant)
    decision = services.decide(
        bundle,
        Review(
            uid=question.uid,
            enforcement_point=g.token.enforcement_point,
            now=now,
            operation=operation,
            dry_run=question.dry_run,
            user_info=user_info,
            source=source,
        ),
        requested_by=request.remote_addr or "",
        request_id=g.request_id,
    )
    g.decision = decision
    fails = question.fail and not decision.allowed
    code = HTTPStatus.FORBIDDEN if fails else HTTPStatus.OK
    if request.accept_mimetypes.best_match(FORMS) == TEXT:
        assert isinstance(bundle.files, MemoryFiles)
        report = Report([reviewed(".", decision, "", bundle.files.shown)])
        return Response(REPORT["text"](report), code, mimetype=TEXT)
    return reply(wire.ComposeReview(response=decision), code)
