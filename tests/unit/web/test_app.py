from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from policyd.config import Settings
from policyd.errors import ConfigError
from policyd.services import Services
from policyd.web.app import create_app
from tests.support.cases import cases

CLEAN = "services:\n  web:\n    image: nginx:1.27\n"
NUL = "the address of the request has a NUL character, %00: remove it"


def test_every_error_is_a_status_in_json(client):
    response = client.get("/nothing")

    assert response.status_code == 404
    assert response.mimetype == "application/json"
    assert response.json == {
        "apiVersion": "policyd/v1",
        "kind": "Status",
        "status": "Failure",
        "code": 404,
        "reason": "NotFound",
        "message": "/nothing does not exist",
    }


@cases(
    ("path", "headers", "code", "message"),
    [
        ("/v1//decisions", {}, 404, "/v1//decisions does not exist"),
        ("/v1/decisions?host=a%00", {}, 400, NUL),
        ("/v1/grants?a%00", {}, 400, NUL),
        ("/v1/decisions/%00", {}, 400, NUL),
        ("/" + "x" * 2000, {}, 404, "/" + "x" * 998 + "…"),
        (
            "/v1/decisions",
            {"Upgrade": "websocket", "Connection": "Upgrade"},
            400,
            "/v1/decisions does not support WebSocket: remove the header Upgrade",
        ),
    ],
)
def test_an_odd_request_gets_one_short_sentence(client, path, headers, code, message):
    response = client.get(path, headers=headers)

    assert (response.status_code, response.mimetype) == (code, "application/json")
    assert response.json["message"] == message


def test_a_method_that_a_route_does_not_take_is_405_and_the_right_ones_are_named(client):
    response = client.get("/v1/review")

    assert (response.status_code, response.json["reason"]) == (405, "MethodNotAllowed")
    assert response.json["message"] == "/v1/review does not support GET"
    assert "POST" in response.headers["Allow"]


def test_answers_are_neither_sniffed_nor_kept(client):
    headers = client.get("/healthz").headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


@cases(("given", "kept"), [("job-7.a_b", True), ("", False), ("a b", False), ("x" * 65, False)])
def test_a_request_has_an_id_its_own_or_a_new_one(client, given, kept):
    answered = client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"]

    assert (answered == given) is kept
    assert len(answered) >= 9


def test_the_request_id_is_recorded(post, services):
    post(CLEAN, headers={"X-Request-Id": "job-7"})

    assert '"req_id":"job-7"' in services.audit.decisions()[0].payload


def test_ready_says_by_which_rules_and_only_while_decisions_can_be_recorded(
    client, services, audit_path
):
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["status"]) == (200, "ok")
    assert ready.json["policySet"]["revision"] == services.policy_set.revision

    with closing(sqlite3.connect(audit_path)) as other, other:
        other.execute("DROP TABLE heads")

    unready = client.get("/readyz")
    assert (unready.status_code, unready.json["reason"]) == (503, "ServiceUnavailable")
    assert client.get("/healthz").status_code == 200


def test_a_bug_is_500_without_a_traceback_and_is_logged(services, capsys):
    def broken_clock() -> int:
        raise ZeroDivisionError("the clock stands still")

    broken = Services(services.settings, services.rules, services.store, broken_clock)
    client = create_app(broken).test_client()

    response = client.post("/v1/review", data=CLEAN, content_type="application/yaml")

    assert response.status_code == 500
    assert response.json["reason"] == "InternalError"
    assert response.json["message"] == "internal error; see the log"
    assert "clock" not in response.text
    assert "ZeroDivisionError: the clock stands still" in capsys.readouterr().out


def test_there_is_no_webhook_without_a_log(services):
    unrecorded = Services(Settings(), services.rules, None)

    with pytest.raises(ConfigError, match="no audit log is configured: set audit to a path"):
        create_app(unrecorded)


def test_the_log_has_a_line_for_each_request_and_neither_body_nor_token(make, token, capsys):
    client = make(tokens={"ci": token()})
    capsys.readouterr()

    response = client.post(
        "/v1/review?repository=acme/train",
        data=CLEAN,
        content_type="application/yaml",
        headers={"Authorization": "Bearer ci-token"},
    )

    out = capsys.readouterr().out
    assert len(out.splitlines()) == 1
    for expected in (
        "owner=ci-bot",
        "path=/v1/review",
        "status=200",
        "allowed=True",
        f"decision_id={response.json['response']['decisionId']}",
        f"request_id={response.headers['X-Request-Id']}",
        "ms=",
    ):
        assert expected in out
    assert "ci-token" not in out
    assert "nginx" not in out


PREPARED = """
import gc, sys, msgspec
from policyd.config import Settings
from policyd.web.app import create_app
from policyd.bootstrap import build

def unprepared():
    kinds = [kind for kind in all_kinds(msgspec.Struct) if kind.__module__.startswith("policyd.")]
    return [
        kind
        for kind in kinds
        if "StructInfo" not in {type(held).__name__ for held in gc.get_referents(kind)}
    ]

def all_kinds(base):
    for kind in base.__subclasses__():
        yield kind
        yield from all_kinds(kind)

def decodable(kind):
    try:
        msgspec.json.Decoder(kind)
    except NameError:  # it names a type that is imported for type checkers only
        return False
    return True

services = build(Settings(audit=sys.argv[1]))
before = {kind.__name__ for kind in unprepared()}
create_app(services)
left_out = [kind.__name__ for kind in unprepared() if decodable(kind)]
print("RequestedReview" in before, left_out)
"""


@pytest.mark.slow
def test_every_type_is_prepared_before_threads_decode_it(audit_path):
    """msgspec ends the process when two threads are the first to decode a type."""
    done = subprocess.run(
        [sys.executable, "-c", PREPARED, audit_path], capture_output=True, text=True
    )

    assert (done.stdout, done.stderr) == ("True []\n", "")
