from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from policyd.metrics import Metrics
from policyd.model import Decision, Location, Review, Status, Violation
from policyd.policies.exceptions import PolicyException
from policyd.policies.matching import Selector
from policyd.policies.policy_set import load_policy_set
from policyd.services import LoadStatus

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
REVIEW = Review(uid="u-1", enforcement_point="ci", now=0)
ALLOWED = Decision(uid="u-1", allowed=True, status=Status(200, "OK", ""))
VIOLATION = Violation("no-all-gpus", "c", "deny", "high", "", "")
DENIED = Decision(
    uid="u-1",
    allowed=False,
    status=Status(403, "Forbidden", ""),
    violations=(VIOLATION, msgspec.structs.replace(VIOLATION, enforcement_action="warn")),
)
STATUS = LoadStatus(
    loads=3, loaded_at=2_000_000_000, refusals=1, refused_at=4_500_000_000, problem="x"
)


class Rules:
    """A policy set with exceptions that end at 10, 20 and 30, the last starting at 25."""

    def __init__(self) -> None:
        ends = {"a": 10, "b": 20, "c": 30}
        exceptions = tuple(
            PolicyException(
                name, ("no-all-gpus",), Selector(), end, "o", "r", "a", Location("x"),
                starts=25 if name == "c" else 0,
            )
            for name, end in ends.items()
        )  # fmt: skip
        self.policy_set = msgspec.structs.replace(
            load_policy_set(), name="acme", revision="sha256:1", exceptions=exceptions
        )

    def admissions(self):
        return (self,)

    def status(self) -> LoadStatus:
        return STATUS


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(Rules(), lambda: 15)


def samples(text: bytes, parse=openmetrics) -> dict[tuple[str, ...], float]:
    """Return the values by name and label values, in the order of the labels' names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in parse(text.decode())
        for sample in family.samples
    }


def test_decisions_and_violations_are_counted_by_what_they_are(metrics):
    for decision in (ALLOWED, DENIED, DENIED):
        metrics.decided(REVIEW, decision, 0.02)

    found = samples(metrics.text(OPENMETRICS)[0])

    assert found["policyd_decisions_total", "200", "allow", "ci"] == 1
    assert found["policyd_decisions_total", "403", "deny", "ci"] == 2
    assert found["policyd_violations_total", "deny", "ci", "no-all-gpus"] == 2
    assert found["policyd_violations_total", "warn", "ci", "no-all-gpus"] == 2
    assert found["policyd_decision_duration_seconds_count",] == 3
    assert found["policyd_decision_duration_seconds_bucket", "0.01"] == 0
    assert found["policyd_decision_duration_seconds_bucket", "0.025"] == 3


def test_ignored_failures_are_counted_by_their_kind(metrics):
    metrics.ignored("ReviewTimeout")
    metrics.ignored("ReviewTimeout")

    found = samples(metrics.text(OPENMETRICS)[0])
    assert found["policyd_ignored_failures_total", "ReviewTimeout"] == 2


def test_what_could_not_be_recorded_is_counted_from_nothing_on(metrics):
    assert samples(metrics.text(OPENMETRICS)[0])["policyd_audit_failures_total",] == 0

    metrics.not_recorded()

    assert samples(metrics.text(OPENMETRICS)[0])["policyd_audit_failures_total",] == 1


def test_the_policy_set_and_how_loading_it_went_are_shown(metrics):
    found = samples(metrics.text(OPENMETRICS)[0])

    assert found["policyd_policy_set_info", "acme", "sha256:1"] == 1
    assert found["policyd_policy_set_loads_total", "success"] == 3
    assert found["policyd_policy_set_loads_total", "failure"] == 1
    assert found["policyd_policy_set_last_success_timestamp_seconds",] == 2
    assert found["policyd_policy_set_last_failure_timestamp_seconds",] == 4.5


def test_exceptions_are_counted_by_whether_they_are_in_force(metrics):
    found = samples(metrics.text(OPENMETRICS)[0])

    states = {labels[1]: value for labels, value in found.items() if labels[0][8:] == "exceptions"}
    assert states == {"active": 1, "upcoming": 1, "expired": 1}


def test_the_form_is_what_is_asked_for(metrics):
    text, kind = metrics.text(OPENMETRICS)
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")

    text, kind = metrics.text("")
    assert kind.startswith("text/plain")
    assert samples(text, prometheus)["policyd_audit_failures_total",] == 0


PROCESSES = """
import os, sys
from policyd.config import Settings
from policyd.metrics import CheckpointMetrics, Metrics
from policyd.model import Decision, Review, Status
from policyd.bootstrap import build

services = build(Settings())
review = Review(uid="1", enforcement_point="ci", now=0)
decision = Decision(uid="1", allowed=True, status=Status(200, "OK", ""))
for number in range(3):
    if os.fork() == 0:
        metrics = Metrics(services.rules, services.clock)
        for _ in range(number + 1):
            metrics.decided(review, decision, 0.02)
        os._exit(0)
    os.wait()
checkpoints = CheckpointMetrics()
for accepted in (True, True, False):
    checkpoints.delivered("witnesses.w", accepted=accepted)
sys.stdout.buffer.write(Metrics(services.rules, services.clock).text(sys.argv[1])[0])
"""


@pytest.mark.slow
def test_processes_count_together_and_those_that_ended_count_on(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROCESSES, OPENMETRICS],
        capture_output=True,
        env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
    )

    assert done.stderr == b""
    found = samples(done.stdout)
    assert found["policyd_decisions_total", "200", "allow", "ci"] == 6
    assert found["policyd_decision_duration_seconds_count",] == 6
    assert found["policyd_policy_set_loads_total", "success"] == 1
    assert found["policyd_checkpoint_deliveries_total", "success", "witnesses.w"] == 2
    assert found["policyd_checkpoint_deliveries_total", "failure", "witnesses.w"] == 1
