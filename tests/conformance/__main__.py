"""Run the conformance cases and print the differences between the loader and Compose.

    python -m tests.conformance [-v] [-n LINES] [--times] [GLOB…]

GLOB is matched against area/name and against the area. -v also prints the files of each case that
disagrees, and the whole error. Exit code 1 when any case disagrees.
"""

from __future__ import annotations

import argparse
import collections
import fnmatch
import sys
import time
from collections.abc import Iterator

from tests.conformance.agreement import guarded
from tests.conformance.case import Case, all_cases
from tests.conformance.differences import DELIBERATE


def main() -> int:
    """Print the cases that disagree, then the counts by area."""
    arguments = _arguments()
    agree: collections.Counter[str] = collections.Counter()
    total: collections.Counter[str] = collections.Counter()
    times = []
    for case in _chosen(arguments.globs):
        area = case.name.partition("/")[0]
        total[area] += 1
        started = time.perf_counter()
        lines = guarded(case, case.config, case.error)
        times.append((time.perf_counter() - started, case.name))
        if case.name in DELIBERATE:
            lines = [] if lines else ["agrees, though it is listed in differences.py"]
        if lines:
            _report(case, lines, arguments)
        else:
            agree[area] += 1
    _summary(agree, total)
    if arguments.times:
        for seconds, name in sorted(times, reverse=True)[:10]:
            print(f"{seconds * 1000:8.1f} ms  {name}")
    return 0 if agree.total() == total.total() else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("globs", nargs="*", metavar="GLOB")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the files too")
    parser.add_argument("-n", "--lines", type=int, default=5, help="differences a case (5)")
    parser.add_argument("-q", "--quiet", action="store_true", help="names and counts only")
    parser.add_argument("--times", action="store_true", help="print the ten slowest cases")
    return parser.parse_args()


def _chosen(globs: list[str]) -> Iterator[Case]:
    for case in all_cases():
        area = case.name.partition("/")[0]
        if not globs or any(
            fnmatch.fnmatch(case.name, glob) or fnmatch.fnmatch(area, glob) for glob in globs
        ):
            yield case


def _report(case: Case, lines: list[str], arguments: argparse.Namespace) -> None:
    print(f"\n{case.name}  ({case.options.get('note', '')})")
    if arguments.quiet:
        return
    if lines[0].startswith("CRASH") and not arguments.verbose:
        lines = lines[:1]
    shown = lines if arguments.verbose else lines[: arguments.lines]
    for line in shown:
        print(f"    {line if arguments.verbose else line[:300]}")
    if len(lines) > len(shown):
        print(f"    … {len(lines) - len(shown)} more")
    if arguments.verbose:
        options = {key: value for key, value in case.options.items() if key != "note"}
        print(f"    called with {options}")
        for path, content in case.files.items():
            print(f"    -- {path} --")
            for line in content.decode("utf-8", "backslashreplace").splitlines():
                print(f"    | {line}")


def _summary(agree: collections.Counter[str], total: collections.Counter[str]) -> None:
    print()
    for area in sorted(total):
        print(f"{area:18} {agree[area]:4} of {total[area]:4}")
    print(f"conformance: {agree.total()} of {total.total()} agree")


if __name__ == "__main__":
    sys.exit(main())
