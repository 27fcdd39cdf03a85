from __future__ import annotations

import re

from policyd.model import Location, Violation
from tests.support.cases import cases
from tests.support.console_pages import HOSTILE, evil, lines, rows
from tests.support.held import at

PROJECT = "/console/projects/project?repository=acme/train&project=train"
DAY = 86_400


def violation(policy: str, service: str = "app", **fields) -> Violation:
    given = {
        "enforcement_action": "deny",
        "severity": "high",
        "message": f"{service} is wrong",
        "remediation": "Remove it.",
        "location": Location("compose.yaml", 7, 9),
        **fields,
    }
    return Violation(policy=policy, constraint=policy, service=service, **given)


def denied(*violations: Violation, **fields):
    """Return the arguments of a denied decision with `violations`."""
    policies = tuple(one.policy for one in violations)
    return {
        "allowed": False, "policies": policies, "changes": {"violations": violations}, **fields,
    }  # fmt: skip


def sections(page: str) -> dict[str, str]:
    """Return the sections of a page by their id."""
    return dict(re.findall(r'<section id="([^"]+)".*?>(.*?)</section>', page, re.DOTALL))


def texts(html: str, pattern: str) -> list[str]:
    found = re.findall(pattern, html, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in found]


def test_each_place_of_a_project_has_its_last_verdict(client, record) -> None:
    record("d1")
    record("d2", **denied(violation("no-a"), violation("no-b")), seconds=5)
    record("d3", environment="dev", host="", seconds=9)
    record("d4", operation="DELETE", grants=(), repository="acme/web", project="web", seconds=9)

    page = client.get("/console/projects").text
    assert rows(page) == [
        ["train", "acme/train", "dev", "", "✓ allowed", "2026-11-23 15:00:09 UTC", ""],
        ["train", "acme/train", "prod", "gpu-01", "✕ denied", "2026-11-23 15:00:05 UTC",
         "2, of which 2 deny no-a no-b"],
        ["web", "acme/web", "prod", "gpu-01", "✓ allowed removed", "2026-11-23 15:00:09 UTC", ""],
    ]  # fmt: skip
    assert 'href="/console/projects/project?repository=acme%2Ftrain&amp;project=train"' in page


def test_open_violations_of_all_projects_are_grouped(client, record) -> None:
    record("d1", **denied(violation("no-a"), violation("no-b", "db", enforcement_action="warn")))
    record("d2", **denied(violation("no-a"), repository="acme/web", seconds=60))
    record("d3", **denied(violation("no-a"), seconds=90))
    page = client.get("/console/projects").text

    assert lines(page[page.index("<h2>Open violations") :]) == [
        "no-a app ✕ deny 2 2 2026-11-23 15:00:00 UTC 2026-11-23 15:01:30 UTC"
    ]
    assert client.get("/console/projects?format=csv&list=violations").text == (
        "Policy,Service,Denies,Repositories,Places,First seen,Last seen,Decision\r\n"
        f"no-a,app,True,2,2,{at(0)},{at(90)},d3\r\n"
    )


@cases(
    "query,found",
    [
        ("verdict=denied", ["d2"]),
        ("verdict=allowed", ["d3", "d1"]),
        ("repository=acme/web", ["d2"]),
        ("environment=dev", ["d3"]),
        ("host=gpu-02", []),
        ("verdict=&repository=&environment=&host=&after=", ["d3", "d1", "d2"]),
    ],
)
def test_filters_are_in_the_address(client, record, query, found) -> None:
    if not client.get("/console/projects?format=json").json["items"]:
        record("d1")
        record("d2", **denied(violation("no-a"), repository="acme/web"))
        record("d3", environment="dev")
    answer = client.get(f"/console/projects?format=json&{query}")

    assert [one["decisionId"] for one in answer.json["items"]] == found


def test_pages_follow_one_another(client, record) -> None:
    for number in range(60):
        record(f"d{number}", repository=f"acme/{number:02}", project="p")
    first = client.get("/console/projects").text
    following = re.search(r'href="([^"]+)" rel="next"', first)[1].replace("&amp;", "&")
    second = client.get(following).text

    assert [row[1] for row in rows(first)] == [f"acme/{number:02}" for number in range(50)]
    assert [row[1] for row in rows(second)] == [f"acme/{number:02}" for number in range(50, 60)]
    assert 'rel="next"' not in second
    answer = client.get("/console/projects?after=x")
    assert answer.status_code == 400
    assert "is not the end of a page of this list" in answer.text


def test_a_project_shows_what_is_broken_since_when(client, record) -> None:
    record("d1", **denied(violation("no-b", enforcement_action="warn"), violation("no-a")))
    record("d2", **denied(violation("no-a"), violation("no-b", enforcement_action="warn")),
           seconds=60)  # fmt: skip
    record("d3", environment="dev", repository="acme/other", seconds=70)
    found = sections(client.get(PROJECT).text)

    assert rows(found["places"]) == [
        ["prod", "gpu-01", "✕ denied", "2026-11-23 15:01:00 UTC",
         "2, of which 1 denies no-a no-b", "ci-bot", rows(found["places"])[0][-1]],
    ]  # fmt: skip
    assert texts(found["violations"], r'<article class="violation">(.*?)</article>') == [
        f"{action} {policy} service app app is wrong at compose.yaml:7:9 Fix: Remove it. In 1 "
        "place, first seen 2026-11-23 15:00:00 UTC , last seen 2026-11-23 15:01:00 UTC"
        for action, policy in (("✕ deny", "no-a"), ("! warn", "no-b"))
    ]
    assert [row[0] for row in rows(found["last"])] == [
        "2026-11-23 15:01:00 UTC", "2026-11-23 15:00:00 UTC",
    ]  # fmt: skip


def test_a_project_shows_its_decisions_of_each_day(console, record) -> None:
    for number, (day, allowed) in enumerate([(0, True), (0, False), (2, True), (2, True)]):
        record(f"d{number}", allowed=allowed, seconds=day * DAY + number)
    record("d9", project="other", seconds=2 * DAY + 9)
    found = sections(console(seconds=2 * DAY + 60).get(PROJECT).text)

    assert lines(found["trend"]) == ["2026-11-23 1 1", "2026-11-25 2 0"]
    # The bar of a day is as high as its share of the highest possible one: here 2 + 1 decisions.
    bar = r'<rect class="(\w+)-bar" x="(\d+)" y="([\d.]+)" width="16" height="([\d.]+)"'
    bars = re.findall(bar, found["trend"])
    assert bars == [
        ("good", "542", "54.0", "24.0"), ("denied", "542", "30.0", "24.0"),
        ("good", "582", "30.0", "48.0"),
    ]  # fmt: skip


def test_an_unknown_project_has_a_sentence(client) -> None:
    answer = client.get(PROJECT)

    assert answer.status_code == 404
    assert (
        "there is no decision on the project &#39;train&#39; of the repository "
        "&#39;acme/train&#39; in the audit log"
    ) in answer.text
    assert client.get("/console/projects/project").status_code == 400


def test_an_empty_list_says_what_to_do(client) -> None:
    assert "Send the first review with policyd review" in client.get("/console/projects").text
    assert "Remove a filter." in client.get("/console/projects?host=x").text


def test_a_token_sees_the_projects_of_its_repositories(make, token, record) -> None:
    record("d1", **denied(violation("no-secret")))
    client = make(tokens={"a": token("t", scopes=("audit:read",), repositories=("other/**",))})
    bearer = {"Authorization": "Bearer t"}
    page = client.get("/console/projects", headers=bearer).text

    assert "There is no decision on a project yet." in page
    assert "no-secret" not in page
    assert client.get(PROJECT, headers=bearer).status_code == 404


@cases("name", list(HOSTILE))
def test_names_of_others_are_text(client, record, name) -> None:
    wrong = violation(name.replace(" ", "_"), name, message=name, remediation=name,
                      location=Location(name, 1, 1))  # fmt: skip
    record(f"d{HOSTILE.index(name)}", **denied(wrong), repository=name, project=name,
           environment=name, host=name)  # fmt: skip
    project = {"repository": name, "project": name}
    shown = client.get("/console/projects/project", query_string=project)

    assert shown.status_code == 200
    assert evil(shown.text) == []
    assert evil(client.get("/console/projects").text) == []
    if name.startswith("="):
        assert (
            "\r\n'=1+1,'=1+1,'=1+1,'=1+1,denied," in client.get("/console/projects?format=csv").text
        )


def test_pages_of_projects_are_small(client, record) -> None:
    many = tuple(
        violation(f"no-{number}", f"s{number}", message="m" * 900, remediation="r" * 900)
        for number in range(1000)
    )
    for number in range(51):
        record(f"{number:036}", **denied(*many[:30]), host=f"{number:02}{'h' * 90}")
    record("last", **denied(*many), host="00")

    assert len(client.get("/console/projects").data) < 60_000
    assert len(client.get(PROJECT).data) < 60_000
