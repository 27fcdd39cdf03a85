"""Measure what constraints and exceptions cost, beside one comparison after the other.

    python -m tests.bench.governance

Prints the processor time of deciding which exceptions exempt violations, and which constraints
report findings, for growing numbers of each. The last column compares each time with the row above,
which has a quarter of the number: 4 is linear growth, 1 is none. The comparison with the plain
definition of `matching` is one of the same work. Nothing is asserted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import msgspec

from policyd.model import Finding, Location, Review, Source, Violation
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.exceptions import DAY, PolicyException
from policyd.policies.manifests import Constraint
from policyd.policies.matching import Selector, covers, why_not_granted

NOW = 1_800_000_000_000_000_000
REVIEW = Review("u", "ci", NOW, source=Source(repository="ml/train", host="gpu-01"))
ROUNDS = 5
COUNTS = (250, 1_000, 4_000)
PLAIN_LIMIT = 1_000_000
"""Comparisons beyond which the plain definition is not measured: it takes seconds."""

Row = tuple[str, str, str]


def rows() -> list[Row]:
    """Return what was measured, a row each: what, how much, in comparison to what."""
    return [*_exemptions(), *_exempted_violations(), *_constraints()]


def main() -> None:
    """Measure and print."""
    for what, how_much, beside in rows():
        print(f"{what:62} {how_much:>11}  {beside}")


def exceptions(number: int) -> list[PolicyException]:
    """Return exceptions of the same repository, in force, each for another service and path."""
    return [
        PolicyException(
            name=f"e{n}",
            policies=("no-privileged",),
            match=Selector(
                repositories=("ml/*",),
                services=(f"s{n}-*",),
                paths=(f"services/*/devices/{n}/**",),
            ),
            expires=NOW + DAY,
            owner="o",
            reason="r",
            approved_by="a",
            location=Location("policyset.yaml", 1, 1),
        )
        for n in range(number)
    ]


def violations(number: int) -> list[Violation]:
    """Return violations, each of another service, of which one in ten is exempted."""
    plain = Violation("no-privileged", "c", "deny", "high", "m", "r")
    return [
        msgspec.structs.replace(
            plain,
            service=f"s{n}-x" if n % 10 == 0 else f"t{n}",
            path=("services", f"s{n}-x", "devices", n, "source"),
        )
        for n in range(number)
    ]


def constraints(number: int) -> list[Constraint]:
    """Return constraints on one policy, each for another service."""
    return [
        Constraint(
            name=f"c{n}",
            policy="no-privileged",
            actions={"default": "deny"},
            match=Selector(repositories=("ml/*",), services=(f"s{n}-*",)),
            exclude=Selector(),
            parameters={},
            location=Location("policyset.yaml", 1, 1),
        )
        for n in range(number)
    ]


def _exemptions() -> Iterator[Row]:
    before = None
    for number in COUNTS:
        governance = Governance((), exceptions(number))
        took = _seconds(lambda governance=governance: _exempt(governance, violations(500)))
        beside = _growth(before, took)
        if number * 500 <= PLAIN_LIMIT:
            beside += f", plain definition {_plain(governance, violations(500)) * 1000:.0f} ms"
        yield f"500 violations x {number:,} exceptions", f"{took * 1000:.2f} ms", beside
        before = took


def _exempted_violations() -> Iterator[Row]:
    governance, before = Governance((), exceptions(1_000)), None
    for number in COUNTS:
        took = _seconds(lambda number=number: _exempt(governance, violations(number)))
        yield (
            f"{number:,} violations x 1,000 exceptions",
            f"{took * 1000:.2f} ms",
            _growth(before, took),
        )
        before = took


def _constraints() -> Iterator[Row]:
    before = None
    for number in COUNTS:
        governance = Governance(constraints(number))
        took = _seconds(lambda governance=governance: _report(governance, 500))
        yield (
            f"500 findings x {number:,} constraints",
            f"{took * 1000:.2f} ms",
            _growth(before, took),
        )
        before = took


def _exempt(governance: Governance, found: list[Violation]) -> None:
    applicability = Applicability(governance, REVIEW, "train")
    for violation in found:
        if not applicability.exemption(violation):
            applicability.expired_exemptions(violation, 3)


def _report(governance: Governance, number: int) -> None:
    applicability = Applicability(governance, REVIEW, "train")
    for n in range(number):
        applicability.reporting(Finding("no-privileged", "m", service=f"s{n}-x"))


def _plain(governance: Governance, found: list[Violation]) -> float:
    """Return the seconds of comparing each violation with each exception."""
    about = Applicability(governance, REVIEW, "train").subject
    started = time.process_time()
    in_force = [e for e in governance.exceptions if not why_not_granted(e.match, about)]
    for violation in found:
        [e for e in in_force if covers(e.match, violation.service, violation.path)]
    return time.process_time() - started


def _growth(before: float | None, took: float) -> str:
    return "" if before is None else f"ratio {took / before:.2f}"


def _seconds(call: Callable[[], object]) -> float:
    """Return the least processor time of a call, in a few rounds."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return min(times)


if __name__ == "__main__":
    main()
