"""Measure how the processor time of a review grows with its project and with the audit log.

    python -m tests.bench.growth

Prints the microseconds of loading and deciding for each service of projects of growing size, by the
default policy set, and the microseconds of recording a decision in logs of growing length. Both
stay about the same where the growth is linear. `tests.bench.governance` does the same for
constraints and exceptions. Nothing is asserted.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from policyd.audit.store import open_store
from policyd.bootstrap import admission_for, configured_policy_set
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.loading import prepare
from policyd.model import Review
from tests.bench.projects import project, services

SIZES = (8, 50, 200, 1_000)
LENGTHS = (0, 500, 2_000)
ROUNDS = 5
RECORDED = 100

Row = tuple[str, str, str]


def rows() -> list[Row]:
    """Return what was measured, a row each: what, how much, in comparison to what."""
    with tempfile.TemporaryDirectory(prefix="policyd-bench-") as name:
        return [*_services(), *_events(Path(name))]


def main() -> None:
    """Measure and print."""
    for what, how_much, beside in rows():
        print(f"{what:48} {how_much:>12}  {beside}")


def _services() -> list[Row]:
    settings = Settings()
    admission = admission_for(configured_policy_set(settings), settings)
    review = Review(uid="1", enforcement_point="ci", now=time.time_ns())
    found = []
    for size in SIZES:
        bundle = memory_bundle({"compose.yaml": project(1, services(size)).encode()})
        took = _best(lambda bundle=bundle: admission.decide(prepare(bundle), review))
        each = f"{took / size * 1e6:.0f} µs a service"
        found.append((f"load and decide, {size:,} services", f"{took * 1000:.1f} ms", each))
    admission.engine.close()
    return found


def _events(folder: Path) -> list[Row]:
    store = open_store(str(folder / "audit.db"))
    settings = Settings()
    admission = admission_for(configured_policy_set(settings), settings)
    review = Review(uid="1", enforcement_point="ci", now=time.time_ns(), operation="CREATE")
    loaded = prepare(memory_bundle({"compose.yaml": project(1).encode()}))
    found, length = [], 0

    def record(number: int) -> None:
        for _ in range(number):
            store.append_decision(review, admission.decide(loaded, review))

    for wanted in LENGTHS:
        record(wanted - length)
        decisions = [admission.decide(loaded, review) for _ in range(RECORDED)]
        started = time.process_time()
        for decision in decisions:
            store.append_decision(review, decision)
        took = (time.process_time() - started) / RECORDED
        length = wanted + RECORDED
        what = f"record a decision after {wanted:,} others"
        found.append((what, f"{took * 1e6:.0f} µs", "each in a commit of its own"))
    store.close()
    admission.engine.close()
    return found


def _best(call: Callable[[], object]) -> float:
    """Return the processor seconds of the fastest of some calls."""
    call()
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return min(times)


if __name__ == "__main__":
    main()
