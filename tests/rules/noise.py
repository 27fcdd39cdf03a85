"""Measure how many projects each level reports, by policy: `python -m tests.rules.noise FILE...`.

In: Compose files, and `corpus` for the projects of tests/corpus that nobody should change. Out: a
table in Markdown. Nothing is fetched; files that Compose would refuse are counted and left out.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from policyd.admission import Admission
from policyd.bundle import directory_bundle
from policyd.engines.embedded import EmbeddedEngine
from policyd.loading import Loaded, prepare
from policyd.model import Review
from policyd.policies.levels import LEVELS, level_file
from policyd.policies.policy_set import load_policy_set
from tests.corpus import corpus

CORPUS: Final = "corpus"
HARMLESS: Final = ("benign", "declared")
REVIEW: Final = Review(uid="1", enforcement_point="ci", now=1_795_446_000_000_000_000)


def projects(names: list[str]) -> Iterator[Loaded | None]:
    """Yield the project of each name, None for one that Compose would refuse."""
    for name in names:
        if name == CORPUS:
            bundles = [each.case.bundle() for each in corpus.read() if each.kind in HARMLESS]
        else:
            path = Path(name).resolve()
            bundles = [directory_bundle(str(path.parent), [path.name], root=str(path.parent))]
        for bundle in bundles:
            loaded = prepare(bundle)
            yield loaded if isinstance(loaded, Loaded) else None


def table(loaded: list[Loaded]) -> Iterator[str]:
    """Yield the lines of the table: how many of `loaded` each level reports, by policy."""
    counts: dict[str, Counter[tuple[str, str]]] = {}
    for level in LEVELS:
        policy_set = load_policy_set(level_file(level))
        engine = EmbeddedEngine(policy_set.modules, policy_set.data, 60)
        admission = Admission(engine, policy_set)
        counts[level] = Counter()
        for project in loaded:
            decision = admission.decide(project, REVIEW)
            found = {(one.policy, one.enforcement_action) for one in decision.violations}
            found |= {("", action) for _, action in found}
            counts[level].update(found)
    yield f"| Policy | {' | '.join(LEVELS)} |"
    yield f"|---{'|---' * len(LEVELS)}|"
    for policy in sorted({policy for found in counts.values() for policy, _ in found}):
        cells = [_cell(counts[level], policy, len(loaded)) for level in LEVELS]
        name = f"[{policy}](catalogue/{policy}.md)" if policy else "any policy"
        yield f"| {name} | {' | '.join(cells)} |"


def _cell(found: Counter[tuple[str, str]], policy: str, total: int) -> str:
    shares = {action: found[policy, action] for action in ("deny", "warn")}
    return ", ".join(f"{action} {100 * n / total:.0f} %" for action, n in shares.items() if n)


if __name__ == "__main__":
    read = list(projects(sys.argv[1:]))
    known = [each for each in read if each is not None]
    print(f"{len(known)} projects; {len(read) - len(known)} more cannot be loaded\n")
    print("\n".join(table(known)))
