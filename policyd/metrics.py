"""Metrics for Prometheus and OpenMetrics.

In: decisions, and the policy sets in force. Out: the text of /metrics. If PROMETHEUS_MULTIPROC_DIR
names a folder, the processes share their counters there. Metrics of the policy set are equal in all
processes and are computed on each request.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from policyd.audit.moments import nanoseconds
from policyd.errors import AuditError
from policyd.model import Decision, Review
from policyd.policies.exceptions import PolicyException, State
from policyd.services import Rules

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

    from policyd.audit.pushes import Waiting

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Must be set before the first `Metrics`: prometheus_client reads it when it is imported."""

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Upper bounds of the buckets of durations, in seconds."""


class Metrics:
    """Counts decisions in this process and renders the metrics of all processes."""

    def __init__(
        self,
        rules: Rules,
        clock: Callable[[], int],
        waiting: Callable[[], Sequence[Waiting]] = tuple,
    ) -> None:
        """`clock` gives nanoseconds since the epoch, `waiting` the pushes without a verdict."""
        import prometheus_client

        if folder := os.environ.get(FOLDER_VARIABLE):
            _share_values(folder)
        self._policy_set = _PolicySetMetrics(rules, clock)
        self._pushes = _PushMetrics(waiting, clock)
        self._own = prometheus_client.CollectorRegistry()
        self._decisions = prometheus_client.Counter(
            "policyd_decisions",
            "Decisions, by decision, status code and enforcement point.",
            ("decision", "code", "enforcement_point"),
            registry=self._own,
        )
        self._violations = prometheus_client.Counter(
            "policyd_violations",
            "Violations without an exception, by policy, enforcement action and enforcement point.",
            ("policy", "enforcement_action", "enforcement_point"),
            registry=self._own,
        )
        self._seconds = prometheus_client.Histogram(
            "policyd_decision_duration_seconds",
            "Time from reading the files of a project to recording its decision.",
            buckets=BUCKETS,
            registry=self._own,
        )
        self._audit_failures = prometheus_client.Counter(
            "policyd_audit_failures",
            "Attempts to record a decision that failed.",
            registry=self._own,
        )
        self._ignored = prometheus_client.Counter(
            "policyd_ignored_failures",
            "Failures of policyd that a failure policy ignored.",
            ("failure",),
            registry=self._own,
        )

    def decided(self, review: Review, decision: Decision, seconds: float) -> None:
        """Count a decision that took `seconds`."""
        with contextlib.suppress(OSError):  # the decision is recorded: it counts without metrics
            self._count(review, decision, seconds)

    def _count(self, review: Review, decision: Decision, seconds: float) -> None:
        answer = "allow" if decision.allowed else "deny"
        point = review.enforcement_point
        self._decisions.labels(answer, str(decision.status.code), point).inc()
        for found in decision.violations:
            self._violations.labels(found.policy, found.enforcement_action, point).inc()
        self._seconds.observe(seconds)

    def not_recorded(self) -> None:
        """Count a decision that could not be recorded."""
        with contextlib.suppress(OSError):
            self._audit_failures.inc()

    def ignored(self, failure: str) -> None:
        """Count a failure in spite of which a decision was given."""
        with contextlib.suppress(OSError):
            self._ignored.labels(failure).inc()

    def text(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics and their content type, which depends on the header `accept`."""
        from prometheus_client.exposition import choose_encoder

        encode, content_type = choose_encoder(accept)
        return encode(self._registry()), content_type

    def _registry(self) -> CollectorRegistry:
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry()
        registry.register(self._policy_set)
        registry.register(self._pushes)
        if folder := os.environ.get(FOLDER_VARIABLE):
            self._audit_failures.inc(0)  # creates the folder again if it was removed
            registry.register(MultiProcessCollector(None, folder))  # type: ignore[no-untyped-call]
        else:
            registry.register(self._own)
        return registry


class CheckpointMetrics:
    """Counts the checkpoints of the audit log that leave the machine, in the main process."""

    def __init__(self) -> None:
        """The folder for the values of all processes, if there is one, must be known."""
        import prometheus_client

        if folder := os.environ.get(FOLDER_VARIABLE):
            _share_values(folder)
        self.registry = prometheus_client.CollectorRegistry()
        self._deliveries = prometheus_client.Counter(
            "policyd_checkpoint_deliveries",
            "Checkpoints that were sent to a copy or a witness, by result.",
            ("target", "result"),
            registry=self.registry,
        )

    def delivered(self, target: str, *, accepted: bool) -> None:
        """Count a delivery to `target`."""
        with contextlib.suppress(OSError):
            self._deliveries.labels(target, "success" if accepted else "failure").inc()


def _share_values(folder: str) -> None:
    """Make prometheus_client keep the values of this process in `folder`.

    It names files by process. A name with a number that grows makes it begin new files when the
    folder was removed: the counters of the process start at 0 again, as after its restart.
    """
    from prometheus_client import values

    multi_process: Any = values.MultiProcessValue
    values.ValueClass = multi_process(_FileNames(Path(folder)))


class _FileNames:
    """Returns the name of this process in its files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._seen = ""

    def __call__(self) -> str:
        name = f"{os.getpid()}-{self._number}"
        if (self._folder / f"counter_{name}.db").exists():
            self._seen = name
        elif self._seen == name:
            self._number += 1
            name = f"{os.getpid()}-{self._number}"
        if self._seen != name:
            self._folder.mkdir(mode=0o700, exist_ok=True)
        return name


class _PolicySetMetrics:
    def __init__(self, rules: Rules, clock: Callable[[], int]) -> None:
        self._rules = rules
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

        policy_set, status = self._rules.admissions()[0].policy_set, self._rules.status()
        info = GaugeMetricFamily(
            "policyd_policy_set_info", "The policy set in force.", labels=("name", "revision")
        )
        info.add_metric((policy_set.name, policy_set.revision), 1)
        yield info
        loads = CounterMetricFamily(
            "policyd_policy_set_loads", "Attempts to load the policy set.", labels=("result",)
        )
        loads.add_metric(("success",), status.loads)
        loads.add_metric(("failure",), status.refusals)
        yield loads
        for name, when in (("success", status.loaded_at), ("failure", status.refused_at)):
            yield GaugeMetricFamily(
                f"policyd_policy_set_last_{name}_timestamp_seconds",
                f"Time of the last {name} of loading the policy set; 0 for never.",
                when / 1e9,
            )
        exceptions = GaugeMetricFamily(
            "policyd_exceptions", "Exceptions of the policy set.", labels=("state",)
        )
        for state, number in _states(policy_set.exceptions, self._clock()).items():
            exceptions.add_metric((state,), number)
        yield exceptions


class _PushMetrics:
    def __init__(self, waiting: Callable[[], Sequence[Waiting]], clock: Callable[[], int]) -> None:
        self._waiting = waiting
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        from prometheus_client.metrics_core import GaugeMetricFamily

        labels = ("source", "state")
        number = GaugeMetricFamily(
            "policyd_pushes", "Pushes without a verdict, by source and state.", labels=labels
        )
        age = GaugeMetricFamily(
            "policyd_push_oldest_seconds", "Age of the oldest of these pushes.", labels=labels
        )
        try:
            found = self._waiting()
        except AuditError:
            return
        for one in found:
            number.add_metric((one.registry, one.state), one.number)
            passed = (self._clock() - nanoseconds(one.oldest)) / 1e9
            age.add_metric((one.registry, one.state), max(passed, 0.0))
        yield number
        yield age


def _states(exceptions: Iterable[PolicyException], now: int) -> dict[str, int]:
    counted = Counter(one.state(now) for one in exceptions)
    return {state: counted[state] for state in get_args(State)}
