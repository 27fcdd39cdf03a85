from __future__ import annotations

import html
import re

import pytest

from policyd.model import Location
from policyd.policies.exceptions import DAY, PolicyException
from policyd.policies.matching import Selector
from tests.unit.audit.conftest import NOON, pair
from tests.unit.web.console.conftest import HOSTILE

PATH = "/console/exceptions"
HOUR = DAY // 24


def exception(name: str, left: int, **more: object) -> PolicyException:
    fields = {
        "policies": ("no-privileged",),
        "match": Selector(repositories=("ml/*",)),
        "starts": NOON - 40 * DAY,
        "owner": "ml-infra",
        "reason": "Until the scheduler lands",
        "approved_by": "security",
        "location": Location("/srv/secret/set.yaml", 11, 1),
        **more,
    }
    return PolicyException(name=name, expires=NOON + left, **fields)


ALL = (
    exception("later", 90 * DAY),
    exception("soon", 3 * DAY),
    exception("over", -DAY),
    exception("next", 20 * DAY, starts=NOON + DAY),
    exception("glass", 5 * HOUR, starts=NOON - HOUR, break_glass=True, policies=(),
              match=Selector(hosts=("gpu-01",))),
)  # fmt: skip


@pytest.fixture
def used(services):
    """The audit log, in which a decision used the exception `soon`."""
    services.audit.append_decision(*pair("d1", repository="ml/train", exceptions=("soon",)))


def names(page) -> list[str]:
    return [row["name"] for row in page.json["items"]]


def test_break_glass_and_what_ends_soon_come_first(watching, used) -> None:
    browser = watching(NOON, exceptions=ALL)

    page = browser.get(f"{PATH}?format=json")
    assert names(page) == ["glass", "soon", "later", "next", "over"]
    assert page.json["items"][1] == {
        "name": "soon",
        "state": "expiring",
        "breakGlass": False,
        "policies": ["no-privileged"],
        "match": ["repositories=ml/*"],
        "starts": "2026-10-14T15:00:00Z",
        "expires": "2026-11-26T15:00:00Z",
        "daysLeft": 3,
        "owner": "ml-infra",
        "approvedBy": "security",
        "reason": "Until the scheduler lands",
        "decisions": 1,
        "last": "2026-11-23T15:00:00.000000000Z",
        "unused": False,
    }
    assert names(browser.get(f"{PATH}?format=json&state=unused")) == ["glass", "later"]
    assert names(browser.get(f"{PATH}?format=json&state=expired")) == ["over"]


def test_the_page_is_loud_about_break_glass(watching) -> None:
    text = html.unescape(watching(NOON, exceptions=ALL).get(PATH).text)

    assert "‼ Break-glass: glass bypasses all policies" in text
    assert "✕ expired" in text
    assert "◷ expires soon" in text
    assert "in less than a day" in text
    assert "in 3 days" in text
    assert "/srv/secret" not in text
    cards = re.findall(r'<span class="figure">(\d+)</span>([^<]*)', text)
    assert cards == [
        ("2", "expire within 14 days"),
        ("0", "not used for 30 days"),
        ("1", "active for longer"),
        ("1", "upcoming"),
        ("1", "expired, to be removed"),
    ]


def test_a_break_glass_exception_that_is_over_is_not_loud(watching) -> None:
    over = exception("glass", -HOUR, break_glass=True, policies=())

    assert "Break-glass:" not in watching(NOON, exceptions=(over,)).get(PATH).text


def test_a_reader_sees_what_can_apply_to_the_own_repositories(watching, used) -> None:
    exceptions = (
        exception(
            "own", DAY, match=Selector(repositories=("ml/train", "secret/x"), users=("eve",))
        ),
        exception("wider", DAY, match=Selector(repositories=("ml/**",))),
        exception("others", DAY, match=Selector(repositories=("secret/*",))),
        exception("everywhere", DAY, match=Selector(users=("ann",))),
        exception("soon", DAY, match=Selector(repositories=("**",))),
    )
    browser = watching(NOON, {"repositories": ("ml/infer", "ml/train")}, exceptions=exceptions)

    page = browser.get(f"{PATH}?format=json")
    assert names(page) == ["everywhere", "own", "soon", "wider"]
    hidden = "hidden, because it also names places that you may not see"
    assert page.json["items"][1]["match"] == ["repositories=ml/train", f"users={hidden}"]
    assert page.json["items"][0]["match"] == ["users=ann"]
    text = browser.get(PATH).text
    assert "secret" not in text
    assert "eve" not in re.findall(r"<code>([^<]*)</code>", text)
    other = watching(NOON, {"repositories": ("web/*",)}, exceptions=exceptions)
    page = other.get(f"{PATH}?format=json")
    assert names(page) == ["everywhere", "soon"]
    assert page.json["items"][1]["decisions"] == 0


def test_names_stay_text_and_no_cell_is_a_formula(watching) -> None:
    hostile = exception(
        HOSTILE, DAY, owner="=1+1", reason=HOSTILE, approved_by="javascript:alert(1)",
        match=Selector(repositories=(HOSTILE,)), policies=(HOSTILE,),
    )  # fmt: skip
    browser = watching(NOON, exceptions=(hostile, exception("g", DAY, break_glass=True)))

    page = browser.get(PATH)
    assert "<script>alert" not in page.text
    assert "\"onx='" not in page.text
    assert 'href="javascript' not in page.text
    assert "'=1+1" in browser.get(f"{PATH}?format=csv").text


def test_a_policy_set_without_exceptions_says_how_to_ask_for_one(watching) -> None:
    text = watching(NOON, exceptions=()).get(PATH).text

    assert "The policy set has no exceptions that you may see." in text
    assert "policyd exceptions request POLICY" in text


def test_an_unknown_state_is_refused_with_the_sentence_of_the_api(browser) -> None:
    page = browser.get(f"{PATH}?state=gone")

    assert page.status_code == 400
    assert "invalid query: state: expected " in page.text
