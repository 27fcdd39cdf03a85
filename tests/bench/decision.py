"""Measure one decision by every policy against OPA: the same input and modules, in one run.

    python -m tests.bench.decision

Prints the milliseconds that the embedded engine takes, from the bytes of the input to the findings,
beside those of OPA in process (`opa bench`, which reads the input once: its timer of evaluation
alone), and those of the whole way through `Admission`. Each is the median of many calls, in the
best of a few rounds; the programs take turns. Nothing is asserted. Without OPA on the PATH only
policyd is measured.
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

from policyd import opa_bundle
from policyd.admission import Admission
from policyd.bundle import memory_bundle
from policyd.engines import QUERY
from policyd.engines.embedded import EmbeddedEngine
from policyd.grants.resolution import GrantResolver
from policyd.loading import load_project, prepare
from policyd.model import Bundle, Review
from policyd.policies.applicability import Applicability
from policyd.policies.policy_set import PolicySet
from policyd.policy_input import review_input
from tests.bench.projects import SERVICES, project
from tests.support import everything

ROUNDS = 7
CALLS = 200
OPA_MEDIAN = "histogram_timer_rego_query_eval_ns_median"

Row = tuple[str, str, str]


def rows() -> list[Row]:
    """Return what was measured, a row each: what, how much, in comparison to what."""
    with tempfile.TemporaryDirectory(prefix="policyd-bench-") as name:
        return _rows(Path(name))


def main() -> None:
    """Measure and print."""
    for what, how_much, beside in rows():
        print(f"{what:44} {how_much:>11}  {beside}")


def _rows(folder: Path) -> list[Row]:
    policy_set = everything.policy_set(folder)
    review = Review(uid="1", enforcement_point="ci", now=time.time_ns(), operation="CREATE")
    document = _document(policy_set, review)
    engine = EmbeddedEngine(policy_set.modules, policy_set.data)
    admission = Admission(engine, policy_set)
    ours, whole, theirs = [], [], []
    for _ in range(ROUNDS):
        ours.append(_median(lambda: engine.findings(document)))
        whole.append(_median(lambda: admission.decide(prepare(_bundle()), review)))
        theirs.append(_opa_bench(folder, policy_set, document))
    engine.close()
    best, peer = min(ours), min(theirs)
    beside = f"OPA in process {peer:.2f} ms; {best / peer:.2f} times as long" if peer else "no OPA"
    what = f"{len(policy_set.policies)} policies on {len(SERVICES)} services"
    return [
        (f"decision, {what}, embedded engine", f"{best:.2f} ms", beside),
        ("  with loading, constraints, places", f"{min(whole):.2f} ms", "Admission.decide"),
    ]


def _bundle() -> Bundle:
    return memory_bundle({"compose.yaml": project(1).encode()})


def _document(policy_set: PolicySet, review: Review) -> bytes:
    loaded = load_project(_bundle())
    applicability = Applicability(policy_set.constraints, (), review, loaded.project.name)
    granted = GrantResolver(policy_set.data).with_grants(loaded)
    return review_input(granted, review, applicability.by_policy)


def _median(call: Callable[[], object]) -> float:
    """Return the median milliseconds of a call."""
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def _opa_bench(folder: Path, policy_set: PolicySet, document: bytes) -> float:
    """Return the median milliseconds of an evaluation by OPA, 0 where OPA is absent."""
    program = shutil.which("opa")
    if program is None:
        return 0.0
    bundle, asked = folder / "bundle.tar.gz", folder / "input.json"
    bundle.write_bytes(opa_bundle.build(policy_set))
    asked.write_bytes(document)
    command = [program, "bench", "--format", "json", "--bundle", str(bundle), "--input", str(asked)]
    done = subprocess.run([*command, QUERY], capture_output=True, check=True)
    median: float = json.loads(done.stdout)["Extra"][OPA_MEDIAN]
    return median / 1e6


if __name__ == "__main__":
    main()
