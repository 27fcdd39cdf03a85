from __future__ import annotations

import html
import re

import msgspec

from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.model import Location
from policyd.policies.exceptions import DAY, PolicyException
from policyd.policies.manifests import Constraint
from policyd.policies.matching import Selector
from policyd.policies.parameters import Schema
from policyd.web.console import policies
from policyd.web.console.policies import HitCounts
from tests.unit.audit.conftest import NOON, pair
from tests.unit.web.console.conftest import HOSTILE

PATH = "/console/policies"
LATER = NOON + 10 * DAY
DAY_SECONDS = 24 * 3600


def fill(services) -> None:
    """Record violations of no-privileged: 10 days and 1 day before LATER, at two points."""
    append = services.audit.append_decision
    append(*pair("d1", allowed=False, policies=("no-privileged", "no-all-gpus")))
    append(*pair("d2", seconds=9 * DAY_SECONDS, policies=("no-privileged",), point="forge"))
    append(*pair("d3", seconds=9 * DAY_SECONDS, allowed=False, policies=("no-privileged",),
                 repository="web/shop"))  # fmt: skip


def rows(page) -> dict[str, dict[str, object]]:
    return {row["id"]: row for row in page.json["items"]}


def test_the_list_counts_what_each_policy_changed(services, watching) -> None:
    fill(services)
    browser = watching(LATER)

    page = browser.get(f"{PATH}?format=json")
    assert [*rows(page)][:2] == ["no-privileged", "no-all-gpus"]
    assert rows(page)["no-privileged"] == {
        "id": "no-privileged",
        "title": "Privileged container",
        "severity": "critical",
        "pack": "container",
        "action": "deny",
        "hits7": 2,
        "denied7": 1,
        "hits30": 3,
        "denied30": 2,
        "exceptions": 0,
    }
    assert browser.get(PATH).text.count("<tr>") == len(services.policy_set.policies) + 1


def test_a_reader_counts_the_own_repositories(services, watching) -> None:
    fill(services)
    browser = watching(LATER, {"repositories": ("web/*",)})

    assert rows(browser.get(f"{PATH}?format=json"))["no-privileged"]["hits30"] == 1
    points = browser.get(f"{PATH}/no-privileged?format=json").json["items"]
    assert [one["point"] for one in points if one["hits30"]] == ["ci"]


def test_counts_are_kept_for_half_a_minute_for_each_reader(services) -> None:
    now = [LATER]
    counts = HitCounts(msgspec.structs.replace(services, clock=lambda: now[0]))
    web = Visibility(("web/*",))

    assert counts.recent(EVERYTHING).month.by_policy() == {}
    fill(services)
    assert counts.recent(EVERYTHING).month.by_policy() == {}
    assert counts.recent(web).month.by_policy() == {"no-privileged": 1}
    now[0] += policies.KEPT * 1_000_000_000
    assert counts.recent(EVERYTHING).month.by_policy() == {"no-privileged": 3, "no-all-gpus": 1}


def test_filters_select_and_pages_continue(watching, monkeypatch) -> None:
    monkeypatch.setattr(policies, "PAGE", 2)
    browser = watching(NOON)

    found = rows(browser.get(f"{PATH}?format=json&q=Privileged+&sort=id"))
    assert [*found] == ["no-build-privileges", "no-privileged", "no-privileged-hooks"]
    assert rows(browser.get(f"{PATH}?format=json&action=dryrun")) == {}
    assert "No policy matches these filters." in browser.get(f"{PATH}?q=zzz").text
    text = browser.get(f"{PATH}?sort=id&q=gpu").text
    assert 'href="/console/policies?sort=id&amp;q=gpu&amp;start=2"' in text
    assert text.count("<tr>") == 3
    assert "Previous 2" in browser.get(f"{PATH}?start=2").text
    assert browser.get(f"{PATH}?start=-1").status_code == 400


def test_a_policy_has_its_action_and_hits_by_enforcement_point(services, watching) -> None:
    fill(services)
    constraint = Constraint(
        "mild", "no-privileged", {"default": "deny", "forge": "warn"}, Selector(), Selector(),
        {}, Location("set.yaml"),
    )  # fmt: skip
    page = watching(LATER, constraints=(constraint,)).get(f"{PATH}/no-privileged?format=json")

    found = {row["point"]: [*row.values()][1:] for row in page.json["items"]}
    assert found == {
        "cli": ["deny", 0, 0, 0, ""],
        "ci": ["deny", 1, 2, 2, "2026-12-02T15:00:00.000000000Z"],
        "webhook": ["deny", 0, 0, 0, ""],
        "registry": ["deny", 0, 0, 0, ""],
        "forge": ["warn", 1, 1, 0, "2026-12-02T15:00:00.000000000Z"],
        "daemon": ["deny", 0, 0, 0, ""],
    }


def test_a_reader_sees_the_constraints_that_can_apply_to_what_the_token_permits(watching) -> None:
    def constraint(name: str, match: Selector, exclude: Selector, action="warn") -> Constraint:
        return Constraint(
            name, "no-all-gpus", {"default": action}, match, exclude, {"allowed": f"of {name}"},
            Location("set.yaml"),
        )  # fmt: skip

    constraints = (
        constraint("own", Selector(repositories=("web/*", "bank/*")), Selector()),
        constraint("all", Selector(), Selector(repositories=("bank/*",), environments=("prod",))),
        constraint("others", Selector(repositories=("bank/*",)), Selector(), "deny"),
    )
    everybody = watching(NOON, constraints=constraints).get(f"{PATH}/no-all-gpus").text
    assert everybody.count("bank/*") == 3
    assert "<code>{&#34;allowed&#34;:&#34;of own&#34;}</code>" in everybody
    assert "places that you may not see" not in everybody

    limits = {"repositories": ("web/*",)}
    page = watching(NOON, limits, constraints=constraints).get(f"{PATH}/no-all-gpus").text
    assert "bank" not in page
    assert "<div>repositories: web/*</div>" in page
    assert '<th scope="row">all</th>' in page
    assert "of own" not in page
    assert "<td>hidden, because it also names places that you may not see</td>" in page
    assert "<code>{&#34;allowed&#34;:&#34;of all&#34;}</code>" in page
    assert "Other constraints apply only to places that you may not see." in page

    page = watching(NOON, limits, constraints=constraints[2:]).get(f"{PATH}/no-all-gpus").text
    assert "Other constraints apply only to places that you may not see." in page
    assert "The policy is not in force." not in page


def test_actions_of_constraints_for_other_places_are_not_shown(watching) -> None:
    def constraint(name: str, repository: str, action: str) -> Constraint:
        return Constraint(
            name, "no-all-gpus", {"default": action}, Selector(repositories=(repository,)),
            Selector(), {}, Location("set.yaml"),
        )  # fmt: skip

    constraints = (constraint("own", "web/*", "warn"), constraint("others", "bank/*", "deny"))
    found = {}
    for repositories in (("web/*",), ("**",), ("ml/*",)):
        limited = watching(NOON, {"repositories": repositories}, constraints=constraints)
        rows = limited.get(f"{PATH}?format=json&q=no-all-gpus").json["items"]
        points = limited.get(f"{PATH}/no-all-gpus?format=json").json["items"]
        found[repositories[0]] = (rows[0]["action"], {row["action"] for row in points})
    assert found == {
        "web/*": ("warn", {"warn"}),
        "**": ("deny,warn", {"deny,warn"}),
        "ml/*": ("off", {"off"}),
    }


def test_a_policy_is_shown_in_full(watching, services) -> None:
    policy = services.policy_set.policies["no-all-gpus"]
    constraint = Constraint(
        "all-of-prod", "no-all-gpus", {"default": "deny"}, Selector(environments=("prod",)),
        Selector(repositories=("ml/**",)), {"limit": 4}, Location("set.yaml"), max_lease="7d",
    )  # fmt: skip
    exception = PolicyException(
        "night", ("no-all-gpus",), Selector(hosts=("gpu-01",)), NOON + DAY, "ml", "Training", "sec",
        Location("set.yaml"),
    )  # fmt: skip
    browser = watching(NOON, constraints=(constraint,), exceptions=(exception,))
    text = html.unescape(browser.get(f"{PATH}/no-all-gpus").text)

    assert policy.description in text
    assert policy.remediation in text
    assert "gpus: all" in text  # the denied example
    assert "environments: prod</div><div>except repositories: ml/**" in text
    assert '{"limit":4}' in text
    assert "leases of at most 7d" in text
    assert 'href="/console/exceptions#exception-night">night</a>' in text
    assert "<span class=hl-keyword>package</span> policyd.policies.no_all_gpus" in text
    assert ">CIS Docker Benchmark 1.6: 5.18</a>" in text


def test_a_policy_that_is_not_in_force_says_so(watching) -> None:
    browser = watching(NOON, constraints=())

    assert "The policy is not in force." in browser.get(f"{PATH}/no-all-gpus").text
    assert rows(browser.get(f"{PATH}?format=json&action=off"))["no-all-gpus"]["action"] == "off"


def test_texts_of_policies_stay_text(services, watching) -> None:
    policy, name = services.policy_set.policies["no-all-gpus"], HOSTILE.replace("/", "")
    hostile = msgspec.structs.replace(
        policy, id=name, title=HOSTILE, description=HOSTILE, remediation=HOSTILE, pack="=1+1",
        references=("javascript:alert(1)", f"x: https://{HOSTILE}"), source=f"# {HOSTILE}\n",
        environment=(HOSTILE,), organizations=(HOSTILE,),
        parameters={HOSTILE: Schema("string", HOSTILE, HOSTILE)},
    )  # fmt: skip
    constraint = Constraint(
        HOSTILE, name, {"default": "deny"}, Selector(repositories=(HOSTILE,)), Selector(),
        {HOSTILE: HOSTILE}, Location(HOSTILE), max_lease=HOSTILE,
    )  # fmt: skip
    browser = watching(NOON, policies={name: hostile}, constraints=(constraint,))

    listed = browser.get(PATH)
    address = re.search(r'href="(/console/policies/[^"]+)"', listed.text)[1]
    for page in (listed, browser.get(address)):
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "\"onx='" not in page.text
        assert 'href="javascript' not in page.text
    assert "'=1+1" in browser.get(f"{PATH}?format=csv").text


def test_a_long_source_is_cut(services, watching, monkeypatch) -> None:
    monkeypatch.setattr(policies, "MAX_SOURCE", 30)

    text = watching(NOON).get(f"{PATH}/no-all-gpus").text
    assert "its first 30 characters are shown" in text
    assert "is_asked_for" not in text


def test_an_unknown_policy_is_a_page_with_a_hint(browser) -> None:
    page = browser.get(f"{PATH}/no-all-gpu")

    assert page.status_code == 404
    assert "there is no policy no-all-gpu in the policy set default" in page.text
    assert "no-all-gpus" in page.text
