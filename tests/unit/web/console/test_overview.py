from __future__ import annotations

import re

import pytest
from sqlalchemy.schema import DropTable

from policyd.audit.tables import heads
from policyd.errors import EngineError
from policyd.services import LoadStatus, Services
from policyd.web.console.overview import HEALTH_SECONDS, Health
from tests.support.cases import cases
from tests.support.console_pages import HOSTILE, evil, lines
from tests.support.held import at, granted, nanoseconds
from tests.unit.web.console.test_exceptions import HOUR, exception

DAY = 86_400
NOON = 36_000
"""The clock of the console: seconds after the log began, on 2026-11-24 at 01:00."""


def section(page: str, name: str) -> str:
    """Return the part `name` of a page."""
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    assert found, page
    return found[0]


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def break_log(services: Services) -> None:
    """Make the audit log one that can be read, but not written."""
    with services.audit.database.writing() as connection:
        connection.execute(DropTable(heads))


def test_denials_of_today_are_counted_by_policy(console, record) -> None:
    record("d0", allowed=False, policies=("no-a",))
    record("d1", allowed=False, policies=("no-a", "no-b"), seconds=NOON - 60)
    record("d2", allowed=False, policies=("no-a",), seconds=NOON - 30)
    record("d3", policies=("no-b",), seconds=NOON - 20)
    page = console(seconds=NOON).get("/console/").text

    denials = section(page, "denials")
    assert text(denials).startswith("Denied today 2 decisions since midnight UTC")
    assert lines(denials) == ["no-a 2", "no-b 1"]
    assert 'href="/console/decisions?verdict=denied&amp;since=2026-11-24&amp;policy=no-a"' in page
    assert [one.split()[3] for one in lines(section(page, "last"))] == ["✕"] * 3
    assert re.findall(r'href="/console/decisions/(d\d)"', section(page, "last")) == [
        "d2", "d1", "d0",
    ]  # fmt: skip


def test_gpus_are_counted_by_host(console, record) -> None:
    record("d1", granted("a", expires=at(3 * DAY)))
    record("d2", granted("c"), project="eval", seconds=60)
    hosts = section(console().get("/console/").text, "hosts")

    cards = re.findall(r'<li class="card">(.*?)</li>', hosts, re.DOTALL)
    assert [text(one) for one in cards] == [
        "gpu-01 1 free 1 of 2 held, ⚠ 1 double-booked , ◷ 1 expires soon",
        "gpu-02 1 free 0 of 1 held",
    ]


def test_exceptions_that_end_within_a_week_are_shown(console) -> None:
    day = 24 * HOUR
    exceptions = tuple(
        exception(name, left) for name, left in (("soon", 3 * day), ("later", 9 * day))
    )
    page = console(exceptions=exceptions, seconds=0).get("/console/").text

    assert lines(section(page, "exceptions")) == [
        "soon ml-infra 2026-11-26 15:00:00 UTC ◷ 3 days left"
    ]


def test_an_empty_log_says_what_to_do(client) -> None:
    page = client.get("/console/").text

    assert "Send the first one with policyd review, or from CI." in page
    assert "No review was denied today." in page
    assert "No exception expires soon." in page
    assert "Run policyd inventory collect on each host" in page


class _Rules:
    """Policy sets whose engine fails, or whose files were refused."""

    def __init__(self, rules, *, broken: bool = False, problem: str = "") -> None:
        self._rules, self._broken, self._problem = rules, broken, problem

    def admissions(self):
        if self._broken:
            raise EngineError("the engine does not answer")
        return self._rules.admissions()

    def status(self) -> LoadStatus:
        return LoadStatus(problem=self._problem)


@cases(
    "rules,found",
    [
        ({}, [("Engine", "good", []), ("Policy set", "good", [])]),
        (
            {"problem": "it does not load"},
            [
                ("Engine", "good", []),
                ("Policy set", "warn", ["the changed policy set was refused: it does not load"]),
            ],
        ),
        (
            {"broken": True},
            [("Engine", "bad", ["the engine does not answer"]), ("Policy set", "good", [])],
        ),
    ],
)
def test_health_is_that_of_readyz(services, rules, found) -> None:
    given = Services(services.settings, _Rules(services.rules, **rules), services.store)

    assert Health(given).checks() == [*found, ("Audit log", "good", [])]


def test_health_is_asked_for_once_in_a_while(services) -> None:
    now = [nanoseconds(0)]
    state = Health(Services(services.settings, services.rules, services.store, lambda: now[0]))
    assert [one.state for one in state.checks()] == ["good"] * 3

    break_log(services)
    assert state.checks()[2].state == "good"
    now[0] += HEALTH_SECONDS * 1_000_000_000
    assert state.checks()[2].state == "bad"


def test_the_page_says_what_has_failed(client, services) -> None:
    break_log(services)
    page = client.get("/console/").text

    failed = f"✕ failed Audit log the audit log {services.audit.name} cannot be written: "
    assert failed in text(section(page, "health"))
    assert "No review was denied yet." in page


def test_a_token_sees_its_own_part(console, token, record) -> None:
    record("d1", granted("a"))
    record("d2", allowed=False, policies=("no-a",), seconds=NOON - 10)
    limited = token("t", scopes=("audit:read",), repositories=("other/**",))
    secret = exception("secret", 3 * 24 * HOUR)
    client = console(tokens={"a": limited}, seconds=NOON, exceptions=(secret,))
    page = client.get("/console/", headers={"Authorization": "Bearer t"}).text

    assert "No review was denied today." in page
    assert "No review was denied yet." in page
    assert "acme" not in page
    assert "secret" not in page


def test_the_last_denials_are_also_csv(client, record) -> None:
    record("d1", allowed=False, policies=("no-a",))
    answer = client.get("/console/?format=csv")

    assert answer.text.splitlines()[1].startswith("2026-11-23T15:00:00.000000000Z,denied,acme/")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_others_are_text(console, record, name) -> None:
    record("d1", allowed=False, policies=(name.replace(" ", "_"),), project=name, host=name,
           repository=name, seconds=NOON - 10)  # fmt: skip
    glass = exception(name, 2 * 24 * HOUR, owner=name, break_glass=True, policies=())
    page = console(exceptions=(glass,), seconds=NOON).get("/console/").text

    assert evil(page) == []
    assert "‼ break-glass" in page
    assert page.count('<div class="loud" role="alert">') == 1
