"""Run every attack on servers of their own, and print one line a fault with its end.

    python -m tests.attacks                          all attacks, and 100 kills on SQLite
    python -m tests.attacks --only leaks,scopes      some of them
    python -m tests.attacks --kills 20               fewer kills; 0 for none
    python -m tests.attacks --postgresql URL         the kills on PostgreSQL too

The exit code is 0 if every attack ended as it should.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable

from tests.attacks import faults, kills, outages, requests_cut_off, rights
from tests.attacks.target import Target, target

ATTACKS: dict[str, Callable[[Target], str]] = {
    attack.__name__: attack
    for attack in (
        requests_cut_off.cut_off_bodies,
        requests_cut_off.idle_connections,
        requests_cut_off.half_sent_bodies,
        requests_cut_off.pax_records,
        requests_cut_off.overload,
        requests_cut_off.duplicate_keys,
        rights.leaks,
        rights.scopes,
        rights.many_repositories,
        rights.deletes,
        rights.token_files,
        faults.deleted_database,
        faults.full_disk,
        faults.removed_folder,
        faults.dying_workers,
        faults.left_folders,
        faults.opa_answers,
        faults.slow_opa,
        faults.lost_pushes,
        faults.large_event_ids,
        outages.locked_database,
        outages.ignored_failures,
        outages.rotated_tokens,
        outages.escape_codes,
        outages.clock_set_back,
    )
}


def kill(number: int, url: str = "") -> str:
    """Return the figures of `number` kills under load. Raises AssertionError for a loss."""
    with target() as found:
        result = kills.kill_under_load(found, number, url)
    assert (result.lost, result.breaks) == (0, 0), str(result)
    return str(result)


def main(arguments: list[str]) -> int:
    """Run the attacks that `arguments` ask for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("--only", default="", help="names of attacks, with commas")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--postgresql", default="", metavar="URL")
    given = parser.parse_args(arguments)
    names = [name for name in given.only.split(",") if name] or list(ATTACKS)
    runs: dict[str, Callable[[], str]] = {name: lambda name=name: _run(name) for name in names}
    if given.kills and not given.only:
        runs["kills_on_sqlite"] = lambda: kill(given.kills)
        if given.postgresql:
            runs["kills_on_postgresql"] = lambda: kill(given.kills, given.postgresql)
    failed = 0
    for name, run in runs.items():
        started = time.monotonic()
        try:
            ended = f"ok      {run()}"
        except Exception:  # noqa: BLE001 (the next attack runs in any case)
            failed += 1
            ended = "FAILED  " + traceback.format_exc().rstrip()
        print(f"{name:22} {ended} ({time.monotonic() - started:.0f} s)", flush=True)
    return 1 if failed else 0


def _run(name: str) -> str:
    with target() as found:
        return ATTACKS[name](found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
