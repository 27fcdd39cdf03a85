"""The examples get the verdict that their folder is named for."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from policyd.bootstrap import build
from policyd.bundle import directory_bundle
from policyd.config import Settings
from policyd.model import Review

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent for path in (ROOT / "deploy/examples").rglob("compose.yaml"))
METHODS = {"device-reservation", "runtime-nvidia", "raw-device-nodes"}


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_example_gets_the_verdict_that_it_is_named_for(folder: Path) -> None:
    services = build(Settings())
    try:
        decision = services.decide(
            directory_bundle(str(folder), profiles=()),
            Review(uid="1", enforcement_point="cli", now=1_800_000_000_000_000_000),
        )
    finally:
        services.close()

    assert decision.allowed == (folder.name != "denied")
    assert decision.not_evaluated == ()
    assert bool(decision.grants) == (folder.name != "clean")


def test_each_method_has_a_denied_and_an_allowed_variant() -> None:
    names = {path.relative_to(ROOT / "deploy/examples").as_posix() for path in EXAMPLES}

    assert names == {"clean"} | {f"{m}/{v}" for m in METHODS for v in ("denied", "allowed")}


def test_the_demonstration_shows_every_example() -> None:
    shown = runpy.run_path(str(ROOT / "deploy/demo.py"))["EXAMPLES"]

    assert {ROOT / "deploy/examples" / name for name in shown} == set(EXAMPLES)
    assert all(allowed == (not name.endswith("/denied")) for name, allowed in shown.items())
