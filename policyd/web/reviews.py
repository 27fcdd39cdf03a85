"""POST /v1/review: may this project be deployed?"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from flask import Flask, Response, g, request

from policyd import deadline, tracing, wire
from policyd.audit.jobs import Jobs
from policyd.bundle import MemoryFiles
from policyd.errors import AuditError, ReviewTimeout
from policyd.failure_policies import failure_policy
from policyd.formats.report.available import REPORT
from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import reviewed
from policyd.idempotence import Identity, RepeatedReviews
from policyd.identity.job import source_of
from policyd.model import Bundle, Decision, FailurePolicy, Review
from policyd.services import Services
from policyd.web import access
from policyd.web.replies import reply
from policyd.web.review_request import Question, question_of

if TYPE_CHECKING:
    from policyd.receipt_issuing import ReceiptIssuer
    from policyd.receipts.envelope import Envelope

TEXT: Final = "text/plain"
FORMS: Final = ("application/json", TEXT)
"""The media types of the answer, the default first."""
SEARCH_SHARE: Final = 0.25
"""The part of a review's time that the search for its first answer may take."""
UNRECEIPTED: Final = {"failure", "deferred"}
"""Annotations of decisions that no policy made, or that are not in the audit log yet."""
SECOND: Final = 1_000_000_000
"""Nanoseconds."""


def add_routes(app: Flask, services: Services) -> None:
    """Add the route. Raises ConfigError for no audit log, and for an invalid key for receipts."""
    repeated = RepeatedReviews(services.audit)
    issuer = _issuer(services)

    @app.post("/v1/review")
    def review() -> Response:
        with tracing.request("POST /v1/review", dict(request.headers)):
            return _review(services, repeated, issuer)


def _issuer(services: Services) -> ReceiptIssuer | None:
    """Return what signs receipts, None where the settings name no key. Raises ConfigError."""
    if not services.settings.receipt_key_file:
        return None
    # Imported here because it needs the package cryptography, which is optional.
    from policyd.receipt_issuing import ReceiptIssuer

    return ReceiptIssuer(services)


def _review(
    services: Services, repeated: RepeatedReviews, issuer: ReceiptIssuer | None
) -> Response:
    """Answer the current request. Its decision is in the audit log when this returns.

    A denial is answered with HTTP 200, as an allow is, unless the request says `?fail=true`. With
    `Accept: text/plain`, the answer is the text that `policyd check` prints.
    """
    question, bundle = question_of(request, services.settings.max_body)
    review = _asked(services, question)
    policy = failure_policy(services.settings, g.token, review.enforcement_point)
    if question.uid:
        with repeated.alone(g.token.owner, question.uid):
            decision = _decide_once(services, repeated, bundle, review, policy)
    else:
        decision = _decide(services, bundle, review, policy)
    g.decision = decision
    tracing.annotate(
        {
            "policyd.decision_id": decision.decision_id,
            "policyd.allowed": decision.allowed,
            "policyd.status_code": decision.status.code,
            "policyd.operation": review.operation,
            "policyd.enforcement_point": review.enforcement_point,
            "policyd.request_id": g.request_id,
        }
    )
    fails = question.fail and not decision.allowed
    code = HTTPStatus.FORBIDDEN if fails else HTTPStatus.OK
    if request.accept_mimetypes.best_match(FORMS) == TEXT:
        assert isinstance(bundle.files, MemoryFiles)
        report = Report([reviewed(".", decision, "", bundle.files.shown)])
        return Response(REPORT["text"](report), code, mimetype=TEXT)
    receipt: Sequence[Envelope] = ()
    is_final = not UNRECEIPTED & {*decision.audit_annotations}
    if issuer and review.operation != "DELETE" and is_final:
        receipt = issuer.issue(bundle, review, decision)
    return reply(wire.ComposeReview(response=decision, receipt=receipt), code)


def _asked(services: Services, question: Question) -> Review:
    """Return the review that the client of the current request may ask for. Raises Forbidden."""
    uid = question.uid or str(uuid.uuid4())
    source, operation, now = question.source, question.operation, services.clock()
    if g.job is not None:
        source = source_of(g.job, source, operation)
    user_info = access.authorise(g.token, source, question.user_info)
    if g.job is not None:
        user_info = g.job.user
        may_grant = operation != "CHECK" and not question.dry_run
        jobs = Jobs(services.audit.database)
        accept = partial(jobs.accept, g.job, uid, now // SECOND, may_grant=may_grant)
        try:
            deadline.in_time(accept)
        except TimeoutError as error:
            raise ReviewTimeout("the audit log did not answer in time: try again later") from error
    return Review(
        uid=uid,
        enforcement_point=g.token.enforcement_point,
        now=now,
        operation=operation,
        dry_run=question.dry_run,
        user_info=user_info,
        source=source,
    )


def _decide_once(
    services: Services,
    repeated: RepeatedReviews,
    bundle: Bundle,
    review: Review,
    policy: FailurePolicy,
) -> Decision:
    """Return the decision on a review with an id of the client's: the recorded one if it is."""
    try:
        # A log that hangs must leave time for the decision where its failure is ignored.
        share = services.settings.review_timeout * (SEARCH_SHARE if policy == "Ignore" else 1)
        with deadline.within(share):
            found = repeated.find(g.token.owner, review, bundle)
    except (AuditError, ReviewTimeout):
        if policy == "Fail":
            raise
        return _decide(services, bundle, review, policy)
    if isinstance(found, Decision):
        return found
    try:
        return _decide(services, bundle, review, policy, found)
    except AuditError:
        # Another process may have recorded the decision on the same review in the meantime.
        again = repeated.find(g.token.owner, review, bundle)
        if isinstance(again, Decision):
            return again
        raise


def _decide(
    services: Services,
    bundle: Bundle,
    review: Review,
    policy: FailurePolicy,
    identity: Identity | None = None,
) -> Decision:
    return services.decide(
        bundle,
        review,
        requested_by=request.remote_addr or "",
        request_id=g.request_id,
        identity=identity,
        failure_policy=policy,
        caller=access.caller(g.token, g.job),
    )
