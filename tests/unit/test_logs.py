"""What the webhook logs of decisions, and what it answers, when exceptions had their part."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import structlog
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from policyd.audit.event import event_of
from policyd.bootstrap import build
from policyd.config import Registry, Settings
from policyd.logs import configure
from policyd.services import Services
from policyd.web.app import create_app
from policyd.web.registry_notifications import PUSH_REVIEWS

RULES = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: ours}
spec: {packs: [container]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: c}
spec: {policy: no-privileged, enforcementAction: deny}
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: own}
spec:
  policies: [no-privileged]
  match: {repositories: [ml/train, hub/**], services: [web]}
  expires: 2027-01-31T00:00:00Z
  owner: ml-infra
  reason: Until the driver is fixed
  approvedBy: security@acme
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: outage}
spec:
  breakGlass: true
  match: {repositories: [ml/serve, hub/**]}
  starts: 2027-01-30T12:00:00Z
  expires: 2027-01-31T00:00:00Z
  owner: on-call
  reason: Incident 4711
  approvedBy: head-of-it
"""
EXPIRES = 1_801_353_600_000_000_000
"""2027-01-31T00:00:00Z in nanoseconds."""
PRIVILEGED = "services:\n  web:\n    image: nginx\n    privileged: true\n"
SECRET = {"Authorization": "Bearer test-secret"}


@pytest.fixture(autouse=True)
def _thread_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore what `configure` sets."""
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Services that judge by RULES in the last hour of the exceptions, and record."""
    folder: Path = tmp_path_factory.mktemp("rules")
    (folder / "policyset.yaml").write_text(RULES)
    built = build(Settings(policy_set=str(folder), audit=str(folder / "audit.db")))
    yield msgspec.structs.replace(built, clock=lambda: EXPIRES - 3600 * 1_000_000_000)
    built.close()


@pytest.fixture
def webhook(ruled: Services, registry) -> Iterator[FlaskClient]:
    """A webhook that judges by RULES and hears one registry."""
    hub = Registry(
        url=f"http://{registry.host}",
        insecure=True,
        prefix="hub/",
        hook_sha256=hashlib.sha256(b"test-secret").hexdigest(),
    )
    settings = Settings(audit=ruled.settings.audit, registries={"hub": hub})
    app = create_app(msgspec.structs.replace(ruled, settings=settings))
    yield app.test_client()
    app.extensions[PUSH_REVIEWS].close()


def ask(webhook: FlaskClient, repository: str):
    return webhook.post(
        f"/v1/review?repository={repository}", data=PRIVILEGED, content_type="application/yaml"
    ).json["response"]


def test_an_exception_is_in_the_answer_the_record_and_the_log(webhook, ruled):
    with capture_logs() as logs:
        answer = ask(webhook, "ml/train")

    assert (answer["allowed"], answer["violations"], answer["warnings"]) == (True, [], [])
    assert answer["auditAnnotations"] == {"exceptions": "own"}
    assert answer["exempted"] == [
        {
            "policy": "no-privileged",
            "constraint": "c",
            "enforcementAction": "deny",
            "severity": "critical",
            "message": "service web runs privileged, with every device of the host",
            "remediation": (
                "Remove `privileged: true`, and declare a GPU that is needed as a reservation: "
                "`driver: nvidia` with `device_ids: ['0']`."
            ),
            "service": "web",
            "path": ["services", "web", "privileged"],
            "location": {"file": "compose.yaml", "line": 4, "column": 17},
            "exception": "own",
            "owner": "ml-infra",
            "reason": "Until the driver is fixed",
            "approvedBy": "security@acme",
            "expires": "2027-01-31T00:00:00Z",
            "daysLeft": 0,
            "breakGlass": False,
        }
    ]
    event = event_of(ruled.audit.decision(answer["decisionId"]))
    assert [one.exception for one in event.result.exempted] == ["own"]
    (line,) = logs
    assert (line["log_level"], line["event"]) == ("info", "request")
    assert (line["allowed"], line["exceptions"]) == (True, "own")
    assert "breakGlass" not in line


def test_break_glass_is_a_warning_in_the_answer_and_in_the_log(webhook, ruled):
    with capture_logs() as logs:
        answer = ask(webhook, "ml/serve")

    assert answer["allowed"] is True
    assert answer["warnings"] == [
        "break-glass: the exception outage bypasses all policies until 2027-01-31T00:00:00Z "
        "(on-call, approved by head-of-it: Incident 4711)"
    ]
    assert answer["auditAnnotations"] == {"exceptions": "outage", "breakGlass": "outage"}
    assert [one["breakGlass"] for one in answer["exempted"]] == [True]
    event = event_of(ruled.audit.decision(answer["decisionId"]))
    assert event.result.audit_annotations == answer["auditAnnotations"]
    (line,) = logs
    assert (line["log_level"], line["event"], line["breakGlass"]) == (
        "warning",
        "request",
        "outage",
    )
    assert line["decision_id"] == answer["decisionId"]


def test_a_request_without_an_exception_is_no_warning(webhook):
    with capture_logs() as logs:
        answer = ask(webhook, "web/shop")

    assert (answer["allowed"], answer["exempted"]) == (False, [])
    (line,) = logs
    assert (line["log_level"], line["allowed"]) == ("info", False)
    assert "exceptions" not in line


def test_an_exempted_push_is_judged_whenever_it_is_told_and_break_glass_is_a_warning(
    webhook, ruled, registry, until
):
    text = PRIVILEGED.replace("web", "db")
    digest = registry.push({"compose.yaml": text})
    target = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest,
        "repository": "demo/simple",
        "tag": "1.0",
    }
    event = {"action": "push", "target": target, "actor": {"name": "ci"}}

    def recorded() -> int:
        return len(ruled.audit.decisions(repository="hub/demo/simple"))

    with capture_logs() as logs:
        for number in (1, 2):
            told = {"events": [event | {"id": f"event-{number}"}]}
            webhook.post("/hooks/registry/hub", json=told, headers=SECRET)
            until(lambda number=number: recorded() == number)
        until(lambda: [line["event"] for line in logs].count("push decided") == 2)

    judged = [line for line in logs if line["event"] == "push decided"]
    assert [(line["log_level"], line["breakGlass"]) for line in judged] == [
        ("warning", "outage"),
        ("warning", "outage"),
    ]


def test_the_console_shows_no_control_characters_of_a_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("console")

    structlog.get_logger("policyd.web").info("request", path="/\x1b[2J\x1b]0;x\x07ü", method="GET")

    out = capsys.readouterr().out
    assert r"path=/\x1b[2J\x1b]0;x\x07\xfc" in out
    assert "\x1b" not in out


def test_a_log_line_has_no_credentials_and_a_traceback_no_messages(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("json")
    log = structlog.get_logger("policyd.web")
    try:
        try:
            raise KeyError("hunter" + "2")
        except KeyError as cause:
            raise ValueError("hunter" + "2") from cause
    except ValueError as error:
        log.error("internal error", exc_info=error, url="https://me:hunter2@host/x?token=hunter2")
        log.error("internal error", exc_info=True)

    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["url"] == "https://host/x"
    for line in (first, second):
        assert line["exception"].splitlines()[-1] == "KeyError"
        assert "\nValueError\ncaused by\nTraceback" in line["exception"]
        assert "raise KeyError(" in line["exception"]
        assert "hunter2" not in line["exception"]


def test_the_unexpected_error_of_a_thread_is_logged_without_its_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("json")

    def fail() -> None:
        raise KeyError("hunter" + "2")

    thread = threading.Thread(target=fail, name="policyd-test")
    thread.start()
    thread.join()

    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["event"], line["thread"]) == ("internal error", "policyd-test")
    assert line["exception"].endswith("KeyError")
    assert "hunter2" not in line["exception"]
