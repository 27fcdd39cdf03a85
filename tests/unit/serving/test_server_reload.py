"""The real server while its policy set changes: every worker follows, and nobody is let down."""

from __future__ import annotations

import json
import os
import re
import signal
import threading

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.namedrule import HEADING, POLICY

pytestmark = pytest.mark.slow

NEVER_ENDS = """
violation contains {"msg": "no", "service": "", "path": []} if {
	some workload in input.workloads
	workload.image == "stuck"
	count([1 |
		some i in numbers.range(1, 9000)
		some j in numbers.range(1, 9000)
		i + j < 0
	]) > 0
}
"""
RECURSION = """
violation contains {"msg": "no", "service": "", "path": []} if {
	some workload in input.workloads
	workload.image == "crash"
	deeper(1) == 2
}

deeper(x) := deeper(x + 1)
"""
WEB = "services:\n  web:\n    image: nginx:1.27\n"


class Rules:
    """A policy set on disk, in force under the revision that a webhook says."""

    def __init__(self, folder) -> None:
        self.folder = folder
        (folder / "rules").mkdir(parents=True)
        (folder / "policyset.yaml").write_text(HEADING)
        self.write(POLICY)

    def write(self, text: str) -> None:
        (self.folder / "rules" / "policy.rego").write_text(text)


@pytest.fixture
def rules(tmp_path):
    return Rules(tmp_path / "acme")


def review(webhook, text: str = WEB) -> dict[str, object]:
    response = requests.post(
        f"{webhook.url}/v1/review",
        data=text,
        headers={"Content-Type": "application/yaml"},
    )
    assert response.status_code == 200, response.text
    answer: dict[str, object] = response.json()["response"]
    return answer


def ready(webhook) -> dict[str, object]:
    response = requests.get(f"{webhook.url}/readyz")
    assert response.status_code == 200, response.text
    found: dict[str, object] = response.json()
    return found


def metrics(webhook) -> dict[tuple[str, ...], float]:
    response = requests.get(f"{webhook.url}/metrics")
    assert response.status_code == 200, webhook.output
    text = response.text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_worker_follows_a_change_of_the_files(start_webhook, until, rules):
    webhook = start_webhook(workers=2, policy_set=str(rules.folder), reload_interval=1)
    before = ready(webhook)["policySet"]
    assert {review(webhook)["allowed"] for _ in range(10)} == {False}

    rules.write(POLICY.replace('== "web"', '== "db"'))
    until(lambda: ready(webhook)["policySet"] != before)

    after = ready(webhook)["policySet"]
    answers = [review(webhook) for _ in range(20)]
    assert [answer["allowed"] for answer in answers] == [True] * 20
    assert [answer["policySet"] for answer in answers] == [after] * 20


def test_sighup_reloads_and_lets_no_request_down(start_webhook, until, rules):
    webhook = start_webhook(workers=2, policy_set=str(rules.folder), reload_interval=0)
    first = ready(webhook)["policySet"]
    answers: list[dict[str, object]] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answers.append(review(webhook))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(3):
            before = ready(webhook)["policySet"]
            rules.write(POLICY.replace("it is named web", f"it is named web {number}"))
            webhook.process.send_signal(signal.SIGHUP)
            until(lambda: ready(webhook)["policySet"] != before)  # noqa: B023
    finally:
        done.set()
        for thread in threads:
            thread.join()

    messages = {answer["violations"][0]["message"] for answer in answers}
    assert "it is named web" in messages
    assert {"it is named web 0", "it is named web 1"} <= messages
    assert {answer["status"]["code"] for answer in answers} == {403}
    assert review(webhook)["violations"][0]["message"] == "it is named web 2"
    assert ready(webhook)["policySet"] != first
    assert webhook.output.count("Spawning worker") == 2
    assert webhook.stop() == 0


def test_a_policy_set_that_is_refused_leaves_the_last_one_in_force(start_webhook, until, rules):
    webhook = start_webhook(workers=1, policy_set=str(rules.folder), reload_interval=0)
    before = ready(webhook)["policySet"]
    (pid,) = re.findall(r"Spawning worker-1 with PID: ([0-9]+)", webhook.output)

    rules.write(POLICY + "x := {\n")
    webhook.process.send_signal(signal.SIGHUP)
    until(lambda: ready(webhook)["warnings"])

    (warning,) = ready(webhook)["warnings"]
    assert warning.startswith("the changed policy set was refused: rules/policy.rego:15:1: ")
    assert ready(webhook)["policySet"] == before == review(webhook)["policySet"]
    shown = metrics(webhook)
    assert shown["policyd_policy_set_loads_total", "failure"] == 1
    assert shown["policyd_policy_set_loads_total", "success"] == 1
    assert shown["policyd_policy_set_info", "acme", before["revision"]] == 1
    assert (
        shown["policyd_policy_set_last_failure_timestamp_seconds",]
        > shown["policyd_policy_set_last_success_timestamp_seconds",]
    )
    lines = [json.loads(line) for line in webhook.output.splitlines()]
    (refused,) = [line for line in lines if line["event"] == "policy set refused"]
    assert refused["level"] == "error"
    assert warning.endswith(refused["reason"])

    # A worker that starts now finds the last good one too.
    os.kill(int(pid), signal.SIGKILL)
    until(lambda: webhook.output.count("Spawning worker-1") == 2)
    until(webhook.is_ready)
    assert review(webhook)["policySet"] == before


def test_workers_count_together(start_webhook, until, rules):
    webhook = start_webhook(workers=2, policy_set=str(rules.folder))
    (pid,) = re.findall(r"Spawning worker-1 with PID: ([0-9]+)", webhook.output)

    for _ in range(20):
        review(webhook)
    assert metrics(webhook)["policyd_decisions_total", "403", "deny", "webhook"] == 20
    os.kill(int(pid), signal.SIGKILL)
    until(lambda: webhook.output.count("Spawning worker-1") == 2)
    until(webhook.is_ready)
    review(webhook)

    shown = metrics(webhook)
    assert shown["policyd_decisions_total", "403", "deny", "webhook"] == 21
    assert shown["policyd_violations_total", "deny", "webhook", "named"] == 21
    assert shown["policyd_decision_duration_seconds_count",] == 21


def test_an_endless_policy_denies_its_review_and_cuts_no_other(start_webhook, rules):
    rules.write(POLICY + NEVER_ENDS)
    webhook = start_webhook(workers=1, policy_set=str(rules.folder), review_timeout=6)

    endless = review(webhook, "services:\n  web:\n    image: stuck\n")

    assert endless["allowed"] is False
    assert endless["status"]["message"] == "evaluating the policies exceeded 6 seconds"
    assert review(webhook)["status"]["code"] == 403
    assert webhook.output.count("Spawning worker-1") == 1


def test_recursion_is_refused_on_reload_and_the_last_policy_set_stays_in_force(
    start_webhook, until, rules
):
    webhook = start_webhook(workers=1, policy_set=str(rules.folder), reload_interval=0)
    before = ready(webhook)["policySet"]

    rules.write(POLICY + RECURSION)
    webhook.process.send_signal(signal.SIGHUP)
    until(lambda: ready(webhook)["warnings"])

    assert "a rule must not depend on itself" in ready(webhook)["warnings"][0]
    assert ready(webhook)["policySet"] == before
    assert review(webhook)["status"]["code"] == 403


def test_workers_end_when_the_main_process_is_gone(start_webhook, until, rules):
    webhook = start_webhook(workers=2, policy_set=str(rules.folder))
    pids = re.findall(r"Spawning worker-[12] with PID: ([0-9]+)", webhook.output)

    webhook.process.kill()

    until(lambda: webhook.output.count('"event": "closed"') == len(pids) == 2)
    with pytest.raises(requests.ConnectionError):
        review(webhook)


def test_nothing_is_left_behind(start_webhook, rules, tmp_path):
    webhook = start_webhook(workers=1, policy_set=str(rules.folder))
    (folder,) = tmp_path.glob("policyd-*")
    assert folder.stat().st_mode & 0o777 == 0o700

    assert webhook.stop() == 0

    assert not folder.exists()


FROM_FILE = """
from policyd.serving import server
from policyd.settings_reader import load_settings
original = server.serve
def serve_from_file(given):
    flags = {'listen': given.listen, 'audit': given.audit, 'workers': given.workers}
    read = lambda: load_settings(FILE, {}, flags)
    original(read(), read)
server.serve = serve_from_file
"""
"""Makes the webhook read a settings file, as the command does."""


def test_a_rotated_token_stops_working_at_once_in_all_workers(start_webhook, until, tmp_path):
    secret, file = tmp_path / "secret", tmp_path / "policyd.toml"
    secret.write_text("the-first-value-of-this-token")
    secret.chmod(0o600)
    file.write_text(f'[tokens.ci]\nowner = "ci"\nvalue_file = "{secret}"\nrepositories = ["**"]\n')
    webhook = start_webhook(workers=2, first=FROM_FILE.replace("FILE", repr(str(file))))

    def statuses(value: str) -> set[int]:
        # A connection of its own for each request, so that all workers get some.
        headers = {"Authorization": f"Bearer {value}", "Connection": "close"}
        url = f"{webhook.url}/v1/policies"
        return {requests.get(url, headers=headers).status_code for _ in range(30)}

    assert statuses("the-first-value-of-this-token") == {200}
    secret.write_text("the-second-value-of-this-token")
    webhook.process.send_signal(signal.SIGHUP)
    until(lambda: "tokens.ci: changed" in webhook.output)
    until(lambda: statuses("the-second-value-of-this-token") == {200})

    assert statuses("the-first-value-of-this-token") == {401}
    assert "the-second-value" not in webhook.output
    file.write_text("[tokens.ci]\n")
    webhook.process.send_signal(signal.SIGHUP)
    until(lambda: "settings refused" in webhook.output)
    assert statuses("the-second-value-of-this-token") == {200}
    assert webhook.stop() == 0
