"""Look for projects on which policyd and compose-go disagree, for a given time.

    python -m tests.conformance.hunt FOLDER [--minutes N] [--seed N] [--only KIND]

KIND is generated, mutated, soup (tokens of YAML), lines (lines of YAML) or whitespace. Each new
disagreement is shrunk and written to FOLDER as a conformance case with the answer of compose-go. A
disagreement with the symptom of an earlier one is only counted. Exit code 1 when there is one.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import hashlib
import re
import sys
import time
from pathlib import Path
from random import Random

from tests.conformance import generate, mutate, soup, whitespace, yaml_lines
from tests.conformance.agreement import guarded
from tests.conformance.case import Case
from tests.conformance.differences import REFUSED_ON_PURPOSE
from tests.conformance.oracle import Answer, Oracle
from tests.conformance.shrink import shrink

_QUOTED = re.compile(
    r"\"[^\"]*\"|'[^']*'|\b\d+\b|\bL\d+\.C[-\dCL.]+|/project[\w./-]*|[\w./-]+\.ya?ml[\d:]*"
)
_NAMES = re.compile(r"\b(services|jobs|configs|secrets|networks|volumes|models)\.[\w-]+")
_FIRST_PATH = re.compile(r"^\$(.*?): expected (.*), got (.*)$", re.DOTALL)
_REMOTE = "remote resource"
SOURCES = {
    "generated": generate.project,
    "mutated": mutate.project,
    "soup": soup.project,
    "lines": yaml_lines.project,
    "whitespace": whitespace.project,
}
"""Where random projects come from, by the word for --only."""


def difference(case: Case, answer: Answer) -> list[str]:
    """Return where policyd and `answer` disagree; deliberate differences are left out.

    Projects with remote resources are not compared, nor refusals that differences.py lists.
    """
    if _REMOTE in answer.error:
        return []
    lines = guarded(case, answer.config, answer.error)
    if lines and lines[0].startswith("refused") and any(map(lines[0].count, REFUSED_ON_PURPOSE)):
        return []
    return lines


def symptom(lines: list[str], answer: Answer) -> str:
    """Return the kind of disagreement, without names, numbers and places."""
    first = lines[0]
    if first.startswith("CRASH"):
        return re.sub(r":.*(?= \()", "", first.replace("\n", " "))
    if found := _FIRST_PATH.match(first):
        path, expected, actual = found.groups()
        path = re.sub(r"^\.x-\w+.*", ".x-*", path, flags=re.DOTALL)
        path = re.sub(r"\[\d+\]", "[]", re.sub(r"^(\.\w+)\.[^.]+", r"\1.*", path))
        kind = "missing" if actual == "(absent)" else "extra" if expected == "(absent)" else "other"
        return f"{kind} {path}"
    if first.startswith("accepted"):
        first = f"accepted: {answer.error}"
    return _NAMES.sub(r"\1.*", _QUOTED.sub("_", first.replace("\n", " ")))[:120]


class Hunt:
    """One run; it counts the disagreements by symptom."""

    def __init__(self, oracle: Oracle, directory: Path) -> None:
        self.oracle = oracle
        self.directory = directory
        self.found: collections.Counter[str] = collections.Counter()
        self.seen: collections.Counter[str] = collections.Counter()

    def look(self, case: Case) -> None:
        """Compare one case; shrink it and write it to the folder when its symptom is new."""
        answer = self.oracle.ask(case)
        self.seen["broken" if answer.broken else "loaded" if answer.config else "refused"] += 1
        lines = difference(case, answer)
        if not lines:
            return
        if any(self.oracle.ask(case) != answer for _ in range(4)):
            self.seen["unstable"] += 1
            return
        key = symptom(lines, answer)
        self.found[key] += 1
        if self.found[key] == 1:
            self._write(shrink(case, lambda smaller: self._same(smaller, key)), key)

    def _same(self, case: Case, key: str) -> bool:
        answer = self.oracle.ask(case)
        lines = difference(case, answer)
        return bool(lines) and symptom(lines, answer) == key

    def _write(self, case: Case, key: str) -> None:
        answer = self.oracle.ask(case)
        lines = difference(case, answer)
        name = f"{hashlib.sha256(key.encode()).hexdigest()[:8]}.txtar"
        note = f"{key} | {lines[0] if lines else 'gone'}"
        case = dataclasses.replace(
            case,
            options=dict(case.options) | {"note": note},
            config=answer.config,
            error="" if answer.config is not None else answer.error or "(broken)",
        )
        (self.directory / name).write_bytes(case.archive())
        print(f"{name}  {note[:200]}", flush=True)


def main() -> int:
    """Hunt until the time is over, then print the symptoms, the most frequent first."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.hunt")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=SOURCES)
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    chosen = [SOURCES[arguments.only]] if arguments.only else list(SOURCES.values())
    end = time.monotonic() + arguments.minutes * 60
    seed = arguments.seed
    with Oracle() as oracle:
        hunt = Hunt(oracle, arguments.directory)
        while time.monotonic() < end:
            hunt.look(chosen[seed % len(chosen)](Random(seed)))
            seed += 1
    print(f"\n{seed - arguments.seed} projects from seed {arguments.seed}: {dict(hunt.seen)}")
    for key, count in hunt.found.most_common():
        print(f"{count:6}  {key}")
    return 1 if hunt.found else 0


if __name__ == "__main__":
    sys.exit(main())
