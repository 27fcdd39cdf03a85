from __future__ import annotations

from policyd.web.console.gpu_hours import period_of
from tests.support.cases import cases
from tests.support.console_pages import lines
from tests.support.held import granted, nanoseconds
from tests.unit.web.console.test_gpus import HOUR, other

NOW = nanoseconds(0)
"""2026-11-23T15:00:00Z."""


@cases(
    "name,since,until",
    [
        ("24h", "2026-11-22T15:00:00", "2026-11-23T15:00:00"),
        ("7d", "2026-11-16T15:00:00", "2026-11-23T15:00:00"),
        ("30d", "2026-10-24T15:00:00", "2026-11-23T15:00:00"),
        ("month", "2026-11-01T00:00:00", "2026-11-23T15:00:00"),
        ("last-month", "2026-10-01T00:00:00", "2026-11-01T00:00:00"),
    ],
)
def test_a_period_is_until_now_or_a_month_of_utc(name, since, until) -> None:
    assert period_of(name, NOW) == (f"{since}.000000000Z", f"{until}.000000000Z")


def test_the_last_month_of_january_is_december() -> None:
    january = NOW + 50 * 24 * HOUR * 1_000_000_000
    assert period_of("last-month", january) == (
        "2026-12-01T00:00:00.000000000Z", "2027-01-01T00:00:00.000000000Z",
    )  # fmt: skip


def test_hours_of_teams_are_a_table_with_bars(console, record) -> None:
    record("d1", granted("a"), other(1))
    record("d2", granted("b"), repository="bio/fold", host="gpu-02", seconds=5 * HOUR)
    answer = console().get("/console/gpus/hours")

    assert lines(answer.text) == ["acme 20.0 2 2", "bio 5.0 1 1"]
    assert 'width="100.0"' in answer.text
    assert 'width="25.0"' in answer.text


def test_the_hours_of_last_month_are_csv(console, record) -> None:
    record("d1", granted("a"), repository="=1+1/x")
    client = console(seconds=20 * 24 * HOUR)
    answer = client.get("/console/gpus/hours?period=last-month&format=csv")

    # From the 23rd at 15:00 until the end of November.
    assert answer.text == (
        "Team,GPU-hours,GPUs,Grants,Hours of uncounted grants\r\n'=1+1,177.0,1,1,0.0\r\n"
    )
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="gpu-hours-by-team-2026-11-01-2026-12-01.csv"'
    )
    assert client.get("/console/gpus/hours?by=user&period=month&format=json").json["items"] == [
        {"group": "ci-bot", "gpuHours": 303.0, "gpus": 1, "grants": 1, "uncountedHours": 0.0}
    ]


def test_a_period_without_grants_says_what_makes_them(console) -> None:
    assert "An allowed CREATE or UPDATE makes grants" in console().get("/console/gpus/hours").text


def test_a_token_counts_what_it_may_read(console, token, record) -> None:
    record("d1", granted("a"))
    limited = token("t", scopes=("audit:read",), repositories=("other/**",))
    answer = console(tokens={"a": limited}).get(
        "/console/gpus/hours", headers={"Authorization": "Bearer t"}
    )
    assert "Nobody held a GPU" in answer.text
