from __future__ import annotations

import re
from typing import Any

from policyd.audit.event import rfc3339
from tests.support.cases import cases
from tests.support.console_pages import HOSTILE, evil, rows


def items(client, query: str = "") -> list[dict[str, Any]]:
    return client.get(f"/console/decisions?format=json{query}").json["items"]


def test_decisions_are_listed_newest_first(client, record) -> None:
    record("d1")
    record("d2", allowed=False, policies=("no-b", "no-a", "no-c", "no-d"), seconds=5)

    answer = client.get("/console/decisions")
    assert rows(answer.text) == [
        ["2026-11-23 15:00:05 UTC", "✕ denied", "acme/train", "train", "prod", "gpu-01",
         "no-a no-b no-c and 1 more", "ci-bot"],
        ["2026-11-23 15:00:00 UTC", "✓ allowed", "acme/train", "train", "prod", "gpu-01", "",
         "ci-bot"],
    ]  # fmt: skip
    assert 'href="/console/decisions/d2"' in answer.text


def test_the_list_is_also_json_and_csv(client, record) -> None:
    record("d1", allowed=False, policies=("no-a", "no-b"))

    assert items(client) == [
        {
            "sequence": 1,
            "time": "2026-11-23T15:00:00.000000000Z",
            "decisionId": "d1",
            "allowed": False,
            "verdict": "denied",
            "enforcementPoint": "ci",
            "repository": "acme/train",
            "project": "train",
            "environment": "prod",
            "host": "gpu-01",
            "policies": ["no-a", "no-b"],
            "username": "ci-bot",
        }
    ]
    assert client.get("/console/decisions?format=csv").text == (
        "Time,Verdict,Repository,Project,Environment,Host,Policies,User,Enforcement point,"
        "Decision,Event\r\n"
        "2026-11-23T15:00:00.000000000Z,denied,acme/train,train,prod,gpu-01,no-a no-b,ci-bot,ci,"
        "d1,1\r\n"
    )


@cases(
    "query,found",
    [
        ("", ["d3", "d2", "d1"]),
        ("repository=&verdict=&since=&before=", None),
        ("verdict=denied", ["d2"]),
        ("verdict=allowed", ["d3", "d1"]),
        ("policy=no-a", ["d2"]),
        ("host=gpu-02", ["d3"]),
        ("environment=dev", ["d3"]),
        ("project=other", ["d2"]),
        ("repository=acme/train&user=ci-bot&enforcementPoint=ci", ["d3", "d2", "d1"]),
        ("repository=acme", []),
        ("since=2026-11-23T15:00:05Z&until=2026-11-23T15:00:09Z", ["d2"]),
    ],
)
def test_filters_are_in_the_address(client, record, query, found) -> None:
    if not items(client):
        record("d1")
        record("d2", allowed=False, policies=("no-a",), project="other", seconds=5)
        record("d3", environment="dev", host="gpu-02", seconds=9)
    answer = client.get(f"/console/decisions?format=json&{query}")

    if found is None:
        assert answer.status_code == 400
    else:
        assert [one["decisionId"] for one in answer.json["items"]] == found


def test_a_form_without_values_filters_nothing(client, record) -> None:
    record("d1")
    empty = "&".join(
        f"{name}=" for name in ("verdict", "repository", "host", "since", "until", "gpu")
    )
    assert [one["decisionId"] for one in items(client, f"&{empty}")] == ["d1"]


def test_pages_lead_to_newer_and_older_decisions(client, record) -> None:
    for number in range(1, 121):
        record(f"d{number}", allowed=number % 2 == 0, seconds=number)

    def shown(query: str) -> tuple[str, str, int, list[str]]:
        page = client.get(f"/console/decisions?{query}")
        links = re.search(r'<nav class="pages".*?</nav>', page.text, re.DOTALL)
        found = re.findall(r"/console/decisions/(d[0-9]+)", page.text)
        return found[0], found[-1], len(found), re.findall(r'href="([^"]+)"', links[0])

    assert shown("") == ("d120", "d71", 50, ["/console/decisions?before=71"])
    assert shown("before=71") == (
        "d70", "d21", 50,
        ["/console/decisions?after=70", "/console/decisions", "/console/decisions?before=21"],
    )  # fmt: skip
    assert shown("before=21") == (
        "d20", "d1", 20, ["/console/decisions?after=20", "/console/decisions"],
    )  # fmt: skip
    assert shown("after=20")[:3] == ("d70", "d21", 50)
    assert shown("after=100") == ("d120", "d71", 50, ["/console/decisions?before=71"])
    assert shown("verdict=denied") == (
        "d119", "d21", 50, ["/console/decisions?verdict=denied&amp;before=21"],
    )  # fmt: skip


def test_facets_count_values_and_link_to_them(client, record) -> None:
    record("d1", allowed=False, policies=("no-a",))
    record("d2", host="gpu-02", seconds=1)
    record("d3", host="gpu-02", seconds=2)

    def facets(query: str = "") -> list[str]:
        page = client.get(f"/console/decisions{query}").text
        shown = re.search(r'<ul class="facets".*?\n</ul>', page, re.DOTALL)
        return re.findall(r'href="([^"]+)"[^>]*>([^<]+)</a>( [0-9]+)?', shown[0])

    assert facets() == [
        ("/console/decisions?verdict=allowed", "allowed", " 2"),
        ("/console/decisions?verdict=denied", "denied", " 1"),
        ("/console/decisions?host=gpu-02", "gpu-02", " 2"),
        ("/console/decisions?host=gpu-01", "gpu-01", " 1"),
    ]
    assert facets("?host=gpu-02&before=3") == [("/console/decisions", "✕", "")]
    assert "Counts are of 3 decisions" in client.get("/console/decisions").text


def test_an_empty_list_says_what_to_do(client) -> None:
    assert "Send the first review with policyd review" in client.get("/console/decisions").text
    assert "Remove a filter" in client.get("/console/decisions?host=none").text


def test_a_wrong_filter_has_the_sentence_of_the_api(client) -> None:
    answer = client.get("/console/decisions?since=yesterday")

    assert answer.status_code == 400
    assert "since: &#39;yesterday&#39; is not a date such as 2026-03-01" in answer.text
    assert '<a href="/console/decisions">Decisions without these filters</a>' in answer.text
    assert client.get("/console/decisions?hots=a").status_code == 400
    assert "without these filters" not in client.get("/console/decisions/none?x=1").text


def test_the_filters_are_open_where_one_is_set(client) -> None:
    closed = client.get("/console/decisions?before=9&format=html").text
    opened = client.get("/console/decisions?exception=x").text

    assert [page.count('<details class="fold" open>') for page in (closed, opened)] == [0, 1]


def test_a_token_sees_the_decisions_of_its_repositories(make, token, record) -> None:
    record("d1")
    client = make(tokens={"a": token("t", scopes=("audit:read",), repositories=("other/**",))})
    answer = client.get("/console/decisions", headers={"Authorization": "Bearer t"})

    assert answer.status_code == 200
    assert "acme/train" not in answer.text
    assert "There is no decision yet." in answer.text


@cases("name", list(HOSTILE))
def test_names_of_others_are_text(client, record, name) -> None:
    record(f"d-{name}", allowed=False, project=name, environment=name, host=name)
    page = client.get("/console/decisions", query_string={"host": name}).text

    assert evil(page) == []
    if name.startswith("="):
        table = client.get("/console/decisions?format=csv").text
        assert ",'=1+1,'=1+1,'=1+1," in table


def test_the_page_is_small(client, record) -> None:
    for number in range(51):
        record(f"{number:036}", policies=tuple(f"no-{'x' * 90}-{one}" for one in range(30)),
               project="p" * 200, host="h" * 200)  # fmt: skip

    assert len(client.get("/console/decisions").data) < 60_000


def test_times_are_of_the_log(client, record) -> None:
    record("d1")
    assert (
        f'<time datetime="{rfc3339(1_795_446_000_000_000_000)}">'
        in client.get("/console/decisions").text
    )
