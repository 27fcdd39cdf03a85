"""The real server, in a process of its own: granian, its workers, one log."""

from __future__ import annotations

import json
import os
import re
import signal
import socket

import pytest
import requests

from policyd.audit.store import open_store
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.errors import ConfigError, PolicySetError
from policyd.loading import load_project
from policyd.model import Review
from policyd.policies.policy_set import load_policy_set
from policyd.policy_input import policy_input
from policyd.services import LoadStatus
from policyd.serving.publication import Published, publish
from policyd.serving.server import _free_address, _services, serve

CLEAN = "services:\n  web:\n    image: nginx:1.27\n"


def ask(webhook) -> str:
    """Ask about a project; return the id of the decision, which allows it."""
    response = requests.post(
        f"{webhook.url}/v1/review",
        data=CLEAN,
        headers={"Content-Type": "application/yaml"},
    )
    answer = response.json()["response"]
    assert answer["allowed"] is True
    return answer["decisionId"]


def test_a_worker_reads_the_rules_before_its_first_review(tmp_path):
    publish(tmp_path, Published(load_policy_set(), LoadStatus()))
    services = _services(Settings(audit=str(tmp_path / "audit.db")), tmp_path, many=True)
    (admission,) = services.rules.admissions()
    loaded = admission.resolved(load_project(memory_bundle({"compose.yaml": CLEAN.encode()})), "")
    review = Review("u", "webhook", 0)
    applying = admission.applicability(review, "").by_policy
    found = admission._relevance.evaluate(policy_input(loaded, review, applying))
    services.close()

    assert len(applying) > 20
    assert found == ([], frozenset())


@pytest.mark.slow
def test_it_answers_logs_json_and_ends_at_sigterm(start_webhook):
    webhook = start_webhook(workers=1)

    decision_id = ask(webhook)

    assert webhook.stop() == 0
    lines = [json.loads(line) for line in webhook.output.splitlines()]
    assert [line["event"] for line in lines].count("request") >= 2
    (starting,) = [line for line in lines if line["event"] == "starting"]
    assert starting["audit"] == webhook.audit
    assert any("no tokens are configured" in str(line["event"]) for line in lines)
    assert len([line for line in lines if line["event"] == "closed"]) == 1
    (request,) = [line for line in lines if line.get("path") == "/v1/review"]
    assert request["decision_id"] == decision_id
    store = open_store(webhook.audit)
    assert [(record.sequence, record.kind) for record in store.events()] == [
        (4, "stop"), (3, "decision"), (2, "policy-set"), (1, "start"),
    ]  # fmt: skip
    store.close()


@pytest.mark.slow
def test_it_serves_where_no_optional_package_is_installed(start_webhook, monkeypatch, tmp_path):
    names = ["cryptography", "jwt", "opentelemetry", "psycopg"]
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys\nsys.modules.update(dict.fromkeys({names}))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    webhook = start_webhook(workers=1)

    ask(webhook)

    assert webhook.stop() == 0
    assert "Traceback" not in webhook.output


@pytest.mark.slow
def test_it_serves_at_the_address_of_a_name(start_webhook, free_port):
    port = free_port()
    webhook = start_webhook(port, workers=1, listen=f"localhost:{port}")

    ask(webhook)

    assert webhook.stop() == 0


@pytest.mark.slow
def test_workers_share_one_log_without_gaps(start_webhook):
    webhook = start_webhook(workers=2)

    ids = {ask(webhook) for _ in range(20)}

    assert webhook.stop() == 0
    store = open_store(webhook.audit)
    report = store.verify()
    store.close()
    # Beside the decisions: start, policy set and end of the service.
    assert (len(ids), report.events, report.problems) == (20, 23, ())


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced(start_webhook, until):
    webhook = start_webhook(workers=1)
    (pid,) = re.findall(r"Spawning worker-1 with PID: ([0-9]+)", webhook.output)

    os.kill(int(pid), signal.SIGKILL)
    until(lambda: webhook.output.count("Spawning worker-1") == 2)
    until(webhook.is_ready)
    ask(webhook)


@pytest.mark.slow
def test_a_variable_of_the_process_is_no_header_of_a_request(start_webhook, monkeypatch):
    """granian adds the environment to what a request says."""
    monkeypatch.setenv("HTTP_X_REQUEST_ID", "from-the-environment")
    webhook = start_webhook(workers=1)

    given = requests.get(f"{webhook.url}/healthz").headers["X-Request-Id"]
    assert given != "from-the-environment"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"listen": "0.0.0.0:0"}, ConfigError, "no token is configured"),
        ({"listen": "127.0.0.1"}, ConfigError, "write HOST:PORT"),
        ({"policy_set": "/nothing.yaml"}, PolicySetError, "cannot be read"),
        ({"audit": ""}, ConfigError, "no audit log is configured"),
    ],
)
def test_what_is_wrong_is_said_before_anything_listens(tmp_path, change, error, message):
    settings = {"listen": "127.0.0.1:0", "audit": str(tmp_path / "audit.db"), **change}

    with pytest.raises(error, match=message):
        serve(Settings(**settings))


def test_a_name_is_resolved_to_the_address_that_is_listened_on():
    assert _free_address("localhost", 0) == "127.0.0.1"
    assert _free_address("127.0.0.1", 0) == "127.0.0.1"


def test_an_address_that_is_taken_is_said(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ConfigError) as caught:
            serve(Settings(listen=address, audit=str(tmp_path / "audit.db")))
    assert str(caught.value) == (f"listen: cannot listen on {address}: Address already in use")
