"""Pages that grow with hosts, teams, denials and exceptions are small, whatever the names are."""

from __future__ import annotations

import pytest

from policyd.web.console.pages import fit, fitting
from tests.support.cases import cases
from tests.support.console_pages import inventory, lines
from tests.support.held import granted
from tests.unit.web.console.test_exceptions import HOUR, exception

MAX_PAGE = 60_000
LONG = "''\N{CRAB}" * 48
"""A name of which a page needs 4.7 bytes for each character, and an address more."""
HALF = LONG[:72]


@pytest.mark.thorough
def test_pages_with_many_long_names_are_small(console, record) -> None:
    hosts = [f"{number:03}{LONG}" for number in range(70)]
    for number in range(101):
        record(
            f"{number:036}",
            granted(LONG),
            repository=f"{number:03}{HALF}/{HALF}",
            project=f"{number:03}{LONG}",
            environment=LONG,
            host=hosts[number % 70],
        )
    for number in range(11):
        record(
            f"denied-{number:029}",
            allowed=False,
            policies=tuple(f"no-{'x' * 90}-{one}" for one in range(30)),
            repository=LONG,
            project=LONG,
            environment=LONG,
            host=hosts[number],
            seconds=35_000,
        )
    ending = [exception(f"{n}{LONG}", 24 * HOUR, owner=LONG) for n in range(20)]
    loud = [
        exception(
            f"loud{n}{LONG}", 24 * HOUR, break_glass=True, reason=LONG * 50,
            owner=LONG, approved_by=LONG, policies=(),
        )
        for n in range(9)
    ]  # fmt: skip
    client = console(inventory(**dict.fromkeys(hosts, 8)), exceptions=(*ending, *loud))

    overview = client.get("/console/")
    assert overview.text.count('role="alert"') == 3
    assert "6 more break-glass exceptions are in force" in overview.text
    hours = {
        by: client.get(f"/console/gpus/hours?by={by}") for by in ("team", "repository", "host")
    }
    assert [len(lines(page.text)) for page in hours.values()] == [100, 100, 70]
    gpus = client.get("/console/gpus")
    assert "of 70 hosts" in gpus.text
    chosen = client.get("/console/gpus", query_string={"host": hosts[69]})
    assert len(lines(chosen.text)) == 8
    sizes = [len(page.data) for page in (overview, *hours.values(), gpus, chosen)]
    assert [one for one in sizes if one > MAX_PAGE] == []


@cases(
    "text,most,shown",
    [
        ("team-a/train", 12, "team-a/train"),
        ("team-a/train", 11, "team-a/t..."),
        ("'''''", 12, "''''..."),
        ("\N{CRAB}" * 5, 10, "\N{CRAB}" * 5),
        ("\N{CRAB}" * 5, 9, "\N{CRAB}" * 3 + "..."),
        ("", 5, ""),
    ],
)
def test_a_text_is_limited_in_characters_and_bytes(text: str, most: int, shown: str) -> None:
    assert fit(text, most) == shown


def test_names_are_listed_while_their_links_are_short() -> None:
    assert fitting((f"gpu-{n:02}" for n in range(70)), 60) == [f"gpu-{n:02}" for n in range(60)]
    assert len(fitting(["n" * 1000] * 9, 60)) == 4
    assert fitting(["n" * 9000, "m"], 60) == ["n" * 9000]
