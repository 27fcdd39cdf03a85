from __future__ import annotations

import json

from policyd import wire
from policyd.errors import (
    AuditError,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    PolicydError,
    Unauthorized,
    Unrecordable,
)
from policyd.web.replies import failure, failure_of, reply, see_other
from tests.support.cases import cases


def test_a_document_is_json_with_a_final_newline() -> None:
    answer = reply(wire.Accepted(accepted=2), 202)

    assert (answer.status_code, answer.mimetype) == (202, "application/json")
    assert answer.data == b'{"apiVersion":"policyd/v1","kind":"Accepted","accepted":2}\n'


@cases(
    ("code", "reason", "expected"),
    [
        (413, "", "RequestEntityTooLarge"),
        (503, "", "ServiceUnavailable"),
        (418, "", "BadRequest"),
        (502, "", "InternalError"),
        (404, "Gone", "Gone"),
    ],
)
def test_a_failure_is_a_status_whose_reason_follows_from_its_code(
    code: int, reason: str, expected: str
) -> None:
    answer = failure(code, "because", reason)

    assert answer.status_code == code
    assert json.loads(answer.data) == {
        "apiVersion": "policyd/v1",
        "kind": "Status",
        "status": "Failure",
        "code": code,
        "reason": expected,
        "message": "because",
    }


@cases(
    ("error", "code", "reason"),
    [
        (AuditError("x"), 503, "ServiceUnavailable"),
        (Unrecordable("x"), 400, "BadRequest"),
        (NotFound("x"), 404, "NotFound"),
        (PayloadTooLarge("x"), 413, "RequestEntityTooLarge"),
        (PolicydError("x"), 500, "InternalError"),
    ],
)
def test_an_error_is_a_status_with_its_code_and_reason(
    error: PolicydError, code: int, reason: str
) -> None:
    answer = failure_of(error)
    status = json.loads(answer.data)

    assert (answer.status_code, status["reason"], status["message"]) == (code, reason, "x")
    assert "WWW-Authenticate" not in answer.headers
    assert "Retry-After" not in answer.headers


def test_a_client_is_told_how_to_authenticate_and_when_to_come_back() -> None:
    assert failure_of(Unauthorized("x")).headers["WWW-Authenticate"] == "Bearer"
    assert failure_of(Overloaded("x")).headers["Retry-After"] == "1"


def test_a_browser_is_sent_to_another_page() -> None:
    answer = see_other("/console/?a=1&b=2")

    assert (answer.status_code, answer.location) == (303, "/console/?a=1&b=2")
