"""Load hostile and damaged projects, and measure the CPU time and memory of each load.

    python -m tests.conformance.fuzz [--only NAME]            every project of hostile.py
    python -m tests.conformance.fuzz DIRECTORY --minutes N    random damage, for N minutes

A run is bad when the loader neither loads nor refuses the project, or exceeds SECONDS or MEBIBYTES.
The input of a bad random run is written to DIRECTORY. Exit code 1 when there is a bad run.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import hashlib
import json
import os
import re
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from random import Random

from policyd.compose import load
from tests.conformance import distort, generate, mutate
from tests.conformance.agreement import REFUSALS
from tests.conformance.case import Case
from tests.conformance.hostile import HOSTILE

SECONDS = 1.0
MEBIBYTES = 200
_STOP_SECONDS = 60
_STOP_BYTES = 6 << 30
_PIECES = (
    *(
        b"\x00",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xef\xbb\xbf",
        b"\r",
        b"\t",
    ),
    *(
        b"[",
        b"{",
        b"]",
        b"}",
        b"- ",
        b"? ",
        b": ",
        b"&a ",
        b"*a",
        b"!reset ",
        b"!!binary ",
        b"<<: *a",
    ),
    *(b"${", b"$", b"${A:-", b"}", b"'", b'"', b"\\", b"|", b">", b"#", b"%", b"---\n", b"...\n"),
    *(
        b"9" * 400,
        b"1e999",
        b"0x",
        b"-",
        b".",
        b"../" * 50,
        b"/",
        b"~",
        b"\n",
        b" " * 300,
        b":" * 40,
    ),
)


def project(random: Random) -> Case:
    """Return a project with bytes inserted into, removed from or repeated in its files."""
    case = random.choice((generate.project, mutate.project, mutate.project))(random)
    files = dict(case.files)
    for _ in range(random.choice((1, 2, 5))):
        if files:
            name = random.choice(sorted(files))
            files[name] = random.choice((_pieces, _pieces, _repeat, _cut, distort.text))(
                files[name], random
            )
    return dataclasses.replace(case, files=files)


def _pieces(content: bytes, random: Random) -> bytes:
    at = random.randint(0, len(content))
    return content[:at] + random.choice(_PIECES) * random.choice((1, 1, 3, 200)) + content[at:]


def _repeat(content: bytes, random: Random) -> bytes:
    start = random.randint(0, len(content))
    end = random.randint(start, min(len(content), start + 60))
    return content[:end] + content[start:end] * random.choice((2, 20, 500)) + content[end:]


def _cut(content: bytes, random: Random) -> bytes:
    start = random.randint(0, len(content))
    return content[:start] + content[start + random.choice((1, 10, 1_000)) :]


@dataclasses.dataclass(frozen=True)
class Run:
    """How one load ended, its seconds of CPU time, and the mebibytes of memory that it added."""

    outcome: str
    seconds: float
    mebibytes: float

    @property
    def bad(self) -> bool:
        """Whether the loader crashed or exceeded a limit."""
        crashed = self.outcome.startswith("CRASH")
        return crashed or self.seconds > SECONDS or self.mebibytes > MEBIBYTES


def measured(case: Case) -> Run:
    """Load `case` in this process and return the result."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    started = time.process_time()
    try:
        load(case.bundle()).config()
        outcome = "loaded"
    except REFUSALS as refusal:
        outcome = f"refused: {refusal}"
    except BaseException as crash:  # noqa: BLE001 - every crash of the loader is a finding
        frame = traceback.extract_tb(crash.__traceback__)[-1]
        place = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        outcome = f"CRASH {type(crash).__name__} at {place}: {str(crash)[:200]}"
    seconds = time.process_time() - started
    return Run(outcome, seconds, (_status("VmHWM") - before) / 1024)


def _status(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def _apart(name: str) -> Run:
    """Load one hostile project in a process of its own, which is killed at the limits."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (_STOP_BYTES, _STOP_BYTES))
        signal.alarm(_STOP_SECONDS)
        run = measured(HOSTILE[name]())
        os.write(writer, json.dumps([run.outcome[:500], run.seconds, run.mebibytes]).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    if status or not text:
        return Run(f"CRASH killed, status {status}", _STOP_SECONDS, 0)
    outcome, seconds, mebibytes = json.loads(text)
    return Run(outcome, seconds, mebibytes)


def _all_hostile(names: list[str]) -> int:
    bad = 0
    for name in names:
        run = _apart(name)
        bad += run.bad
        mark = "BAD " if run.bad else "    "
        print(f"{mark}{name:42} {run.seconds * 1000:8.1f} ms {run.mebibytes:7.1f} MiB  ", end="")
        print(run.outcome[:110].replace("\n", " "), flush=True)
    print(f"\n{len(names)} hostile projects, {bad} bad")
    return 1 if bad else 0


def _random_rounds(directory: Path, minutes: float, seed: int) -> int:
    directory.mkdir(parents=True, exist_ok=True)
    counts: collections.Counter[str] = collections.Counter()
    slowest = largest = 0.0
    started, first = time.monotonic(), seed
    try:
        while time.monotonic() < started + minutes * 60:
            case = project(Random(seed))
            seed += 1
            run = measured(case)
            counts["bad" if run.bad else run.outcome.partition(":")[0]] += 1
            slowest, largest = max(slowest, run.seconds), max(largest, run.mebibytes)
            if run.bad:
                _write(directory, case, run, seed - 1)
    except KeyboardInterrupt:
        print("cut short", flush=True)
    passed = (time.monotonic() - started) / 60
    print(f"{seed - first} projects from seed {first} in {passed:.0f} min: {dict(counts)}")
    print(f"slowest {slowest * 1000:.0f} ms, largest {largest:.0f} MiB", flush=True)
    return 1 if counts["bad"] else 0


def _write(directory: Path, case: Case, run: Run, seed: int) -> None:
    key = re.sub(r"\d+", "", run.outcome[:60]) if run.outcome.startswith("CRASH") else "slow"
    path = directory / f"{hashlib.sha256(key.encode()).hexdigest()[:8]}.txtar"
    if not path.exists():
        note = f"seed {seed}: {run.outcome} ({run.seconds:.2f} s, {run.mebibytes:.0f} MiB)"
        options = {key: value for key, value in case.options.items() if key != "note"}
        path.write_bytes(dataclasses.replace(case, options=options | {"note": note}).archive())
        print(f"{path.name}  {note[:300]}", flush=True)


def main() -> int:
    """Run the hostile projects, or random ones when a folder is given."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.fuzz")
    parser.add_argument("directory", type=Path, nargs="?")
    parser.add_argument("--only", default="", help="part of the names of hostile projects")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.directory is None:
        return _all_hostile([name for name in HOSTILE if arguments.only in name])
    return _random_rounds(arguments.directory, arguments.minutes, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
