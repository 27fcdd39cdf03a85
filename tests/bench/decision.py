"""Measure one decision by every policy against OPA: the same input and modules, in one run.

    python -m tests.bench.decision

Measures the default policy set and a policy set with every policy, on 8 and on 50 services. Prints
the milliseconds that the embedded engine takes, from the bytes of the input to the findings, beside
those of OPA in process (`opa bench`, which reads the input once: its timer of evaluation alone);
those of working out the grants; and those of the whole way through `Admission`. Each is the median
of many calls, in the best of a few rounds; the programs take turns. The time of policyd is
processor time; OPA reports elapsed time, which other programs lengthen, so the fastest calls of
both are printed as well. Nothing is asserted. Without OPA on the PATH only policyd is measured.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from policyd import opa_bundle
from policyd.admission import Admission
from policyd.bundle import memory_bundle
from policyd.engines import QUERY
from policyd.engines.embedded import EmbeddedEngine
from policyd.grants.resolution import GrantResolver
from policyd.loading import load_project, prepare
from policyd.model import Review
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.policy_set import PolicySet, load_policy_set
from policyd.policy_input import review_input
from tests.bench.projects import project, services
from tests.support import everything

COUNTS = (8, 50)
ROUNDS = 5
CALLS = 100
OPA_TIMER = "histogram_timer_rego_query_eval_ns"

Row = tuple[str, str, str]


class Times(NamedTuple):
    """Milliseconds of many calls."""

    median: float
    fastest: float


def rows() -> list[Row]:
    """Return what was measured, a row each: what, how much, in comparison to what."""
    with tempfile.TemporaryDirectory(prefix="policyd-bench-") as name:
        folder = Path(name)
        sets = (("default set", load_policy_set()), ("all", everything.policy_set(folder)))
        return [
            row
            for title, policy_set in sets
            for count in COUNTS
            for row in _rows(folder, title, policy_set, count)
        ]


def main() -> None:
    """Measure and print."""
    for what, how_much, beside in rows():
        print(f"{what:62} {how_much:>11}  {beside}")


def _rows(folder: Path, title: str, policy_set: PolicySet, count: int) -> list[Row]:
    """Measure `policy_set` on a project with `count` services."""
    bundle = memory_bundle({"compose.yaml": project(1, services(count)).encode()})
    review = Review(uid="1", enforcement_point="ci", now=time.time_ns(), operation="CREATE")
    loaded = load_project(bundle)
    applicability = Applicability(Governance(policy_set.constraints), review, loaded.project.name)
    grants = GrantResolver(policy_set.data)
    document = review_input(grants.with_grants(loaded), review, applicability.by_policy)
    engine = EmbeddedEngine(policy_set.modules, policy_set.data)
    admission = Admission(engine, policy_set)
    ours, resolved, whole, theirs = [], [], [], []
    for _ in range(ROUNDS):
        ours.append(_times(lambda: engine.findings(document)))
        resolved.append(_times(lambda: grants.with_grants(loaded)))
        whole.append(_times(lambda: admission.decide(prepare(bundle), review)))
        theirs += _opa_bench(folder, policy_set, document)
    engine.close()
    best = min(ours)
    beside = _beside(best, min(ours, key=_fastest).fastest, theirs)
    number = len({constraint.policy for constraint in policy_set.constraints})
    what = f"{title}: {number} policies, {count} services"
    return [
        (f"decision, {what}, embedded engine", f"{best.median:.2f} ms", beside),
        ("  grants, in Python", f"{min(resolved).median:.2f} ms", "GrantResolver.with_grants"),
        ("  with loading, constraints, places", f"{min(whole).median:.2f} ms", "Admission.decide"),
    ]


def _beside(best: Times, fastest: float, theirs: list[Times]) -> str:
    if not theirs:
        return "no OPA"
    peer, quickest = min(theirs).median, min(theirs, key=_fastest).fastest
    return (
        f"OPA in process {peer:.2f} ms, ratio {best.median / peer:.2f}; "
        f"fastest calls {fastest:.2f} and {quickest:.2f} ms, ratio {fastest / quickest:.2f}"
    )


def _fastest(times: Times) -> float:
    return times.fastest


def _times(call: Callable[[], object]) -> Times:
    """Return the processor time of a call."""
    times = []
    for _ in range(CALLS):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return Times(statistics.median(times) * 1000, min(times) * 1000)


def _opa_bench(folder: Path, policy_set: PolicySet, document: bytes) -> list[Times]:
    """Return the elapsed time of an evaluation by OPA; nothing where OPA is absent."""
    program = shutil.which("opa")
    if program is None:
        return []
    bundle, asked = folder / "bundle.tar.gz", folder / "input.json"
    bundle.write_bytes(opa_bundle.build(policy_set))
    asked.write_bytes(document)
    command = [program, "bench", "--format", "json", "--bundle", str(bundle), "--input", str(asked)]
    done = subprocess.run([*command, QUERY], capture_output=True, check=True)
    extra: dict[str, float] = json.loads(done.stdout)["Extra"]
    return [Times(extra[f"{OPA_TIMER}_median"] / 1e6, extra[f"{OPA_TIMER}_min"] / 1e6)]


if __name__ == "__main__":
    main()
