"""The attacks of `python -m tests.attacks`, each on a server of its own, and a few kills."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.__main__ import ATTACKS
from tests.attacks.kills import kill_under_load
from tests.attacks.target import Target, target

pytestmark = pytest.mark.slow

KILLS = 6
"""One of them is the kill of a whole group. `python -m tests.attacks` does 100."""


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_as_it_should(name: str) -> None:
    with target() as attacked:
        ended = ATTACKS[name](attacked)

    if ended.startswith("skipped: "):
        pytest.skip(ended)
    assert ended


def test_kills_under_load_lose_no_acknowledged_decision(tmp_path: Path) -> None:
    attacked = Target(tmp_path)
    try:
        result = kill_under_load(attacked, KILLS)
    finally:
        for webhook in attacked.running:
            webhook.kill()

    assert (result.workers + result.groups, result.groups) == (KILLS, KILLS // 4)
    assert (result.lost, result.breaks) == (0, 0)
    assert 0 < result.acknowledged <= result.events
