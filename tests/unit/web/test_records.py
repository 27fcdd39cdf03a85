from __future__ import annotations

import hashlib
from contextlib import closing

import pytest

from policyd.config import Token
from tests.support.cases import cases

TWO_GPUS = (
    "services:\n  train:\n    image: acme/train:1\n    gpus:\n"
    "      - driver: nvidia\n        device_ids: ['0', '1']\n"
)
PRIVILEGED = "services:\n  web:\n    image: nginx\n    privileged: true\n"


@pytest.fixture
def filled(post):
    """Five decisions: three allowed with a grant each, one denied, one about no repository."""
    for number in (1, 2, 3):
        post(TWO_GPUS, f"?repository=acme/train&commit=c{number}&host=gpu-0{number}")
    post(PRIVILEGED, "?repository=beta/web&commit=c4&name=web")
    post(TWO_GPUS, "?operation=CHECK&commit=c5")


@pytest.fixture
def commits(client):
    """A function that returns the commits of the decisions at a URL, newest first."""

    def read(query: str = "", **arguments) -> list[str]:
        items = client.get(f"/v1/decisions{query}", **arguments).json["items"]
        return [item["event"]["input"]["review"]["source"]["commit"] for item in items]

    return read


@pytest.mark.usefixtures("filled")
def test_decisions_are_listed_newest_first_and_filtered(commits):
    assert commits() == ["c5", "c4", "c3", "c2", "c1"]
    assert commits("?allowed=false") == ["c4"]
    assert commits("?allowed=true&repository=acme/train") == ["c3", "c2", "c1"]
    assert commits("?policy=no-privileged") == ["c4"]
    assert commits("?project=web") == ["c4"]
    assert commits("?commit=c2") == ["c2"]
    assert commits("?enforcementPoint=webhook&limit=1") == ["c5"]
    assert commits("?repository=") == ["c5"]
    assert commits("?repository=nobody") == []


@pytest.mark.usefixtures("filled")
def test_pages_follow_one_another(client):
    first = client.get("/v1/decisions?limit=3").json
    second = client.get(f"/v1/decisions?limit=3&before={first['next']}").json

    assert [item["sequence"] for item in first["items"]] == [5, 4, 3]
    assert first["next"] == 3
    assert [item["sequence"] for item in second["items"]] == [2, 1]
    assert second["next"] is None


@pytest.mark.usefixtures("filled")
def test_a_decision_is_shown_with_the_bytes_that_its_hash_covers(client, services):
    record = services.audit.decisions(1)[0]
    decision_id = client.get("/v1/decisions?limit=1").json["items"][0]["event"]["decision_id"]

    response = client.get(f"/v1/decisions/{decision_id}")

    assert response.json["kind"] == "AuditRecord"
    assert response.json["hash"] == record.hash
    payload = response.data.partition(b'"event":')[2].removesuffix(b"}\n")
    covered = bytes.fromhex(response.json["prevHash"]) + payload
    assert hashlib.sha256(covered).hexdigest() == record.hash


def test_a_decision_that_is_not_there_is_not_found(client):
    response = client.get("/v1/decisions/no-such")

    assert (response.status_code, response.json["message"]) == (
        404,
        "there is no decision no-such in the audit log",
    )


@pytest.mark.usefixtures("filled")
def test_grants_are_listed_and_filtered(client):
    body = client.get("/v1/grants").json

    assert body["kind"] == "GrantList"
    assert [(item["host"], item["devices"], item["state"]) for item in body["items"]] == [
        ("gpu-03", ["0", "1"], "active"),
        ("gpu-02", ["0", "1"], "active"),
        ("gpu-01", ["0", "1"], "active"),
    ]
    assert [item["host"] for item in client.get("/v1/grants?host=gpu-02").json["items"]] == [
        "gpu-02"
    ]


@pytest.mark.usefixtures("filled")
def test_grants_state_what_they_are_of_and_are_found_by_gpu(client, post):
    post(TWO_GPUS, "?repository=acme/other&host=gpu-02")

    def hosts(query: str) -> list[str]:
        return [item["host"] for item in client.get(f"/v1/grants?{query}").json["items"]]

    item = client.get("/v1/grants?repository=acme/other").json["items"][0]
    constraints = item.pop("constraints")
    assert {"no-all-gpus", "no-nvidia-runtime"} < {*constraints}
    assert "no-privileged" not in constraints
    assert {name: item[name] for name in list(item)[18:]} == {
        "kind": "service",
        "hook": None,
        "schedule": [],
        "certainty": "certain",
        "identities": ["0", "1"],
        "aliases": {},
        "exceptions": [],
        "entitlements": [],
        "expires": None,
    }
    assert hosts("gpu=01&repository=acme/train") == ["gpu-03", "gpu-02", "gpu-01"]
    assert hosts("gpu=2") == []
    assert hosts("doubleBooked=true") == ["gpu-02", "gpu-02"]
    assert client.get("/v1/grants?gpu=").status_code == 400


@pytest.mark.usefixtures("filled")
def test_pages_of_grants_follow_one_another(client):
    first = client.get("/v1/grants?limit=2").json
    second = client.get(f"/v1/grants?limit=2&before={first['next']}").json

    assert first["next"] == "2.0"
    assert [item["host"] for item in second["items"]] == ["gpu-01"]
    assert second["next"] is None


def test_grants_that_ended_are_listed_on_request(client, post):
    for _ in range(2):
        post(TWO_GPUS, "?repository=acme/train&host=gpu-01")

    assert len(client.get("/v1/grants").json["items"]) == 1
    states = [item["state"] for item in client.get("/v1/grants?active=false").json["items"]]
    assert states == ["active", "superseded"]


@pytest.mark.usefixtures("filled")
def test_a_token_sees_only_its_own_repositories(make, token):
    client = make(
        tokens={
            "acme": token("acme-token"),
            "all": token("all-token", repositories=("**",)),
            "none": token("none-token", repositories=()),
        }
    )

    def get(path: str, value: str):
        return client.get(path, headers={"Authorization": f"Bearer {value}"})

    def repositories(value: str, path: str = "/v1/decisions") -> set[str]:
        items = get(path, value).json["items"]
        return {item["event"]["input"]["review"]["source"]["repository"] for item in items}

    assert repositories("acme-token") == {"acme/train"}
    assert repositories("all-token") == {"acme/train", "beta/web", ""}
    assert repositories("none-token") == set()
    assert repositories("acme-token", "/v1/decisions?repository=beta/web") == set()
    assert repositories("acme-token", "/v1/decisions?repository=") == set()
    assert len(get("/v1/grants", "acme-token").json["items"]) == 3
    assert get("/v1/grants", "none-token").json["items"] == []

    (other,) = get("/v1/decisions?repository=beta/web", "all-token").json["items"]
    path = f"/v1/decisions/{other['event']['decision_id']}"
    assert get(path, "all-token").status_code == 200
    hidden = get(path, "acme-token")
    assert (hidden.status_code, hidden.json["message"]) == (
        404,
        f"there is no decision {other['event']['decision_id']} in the audit log",
    )


def test_a_token_sees_only_its_own_environments_and_hosts(make, token, post):
    for environment, host in (("prod", "gpu-01"), ("dev", "gpu-01"), ("dev", "gpu-02"), ("", "")):
        post(TWO_GPUS, f"?repository=acme/train&environment={environment}&host={host}")
    client = make(
        tokens={
            "dev": token("dev", environments=("dev",)),
            "one": token("one", hosts=("gpu-01",)),
            "both": token("both", environments=("dev",), hosts=("gpu-01",)),
        }
    )

    def seen(value: str) -> list[tuple[str, str]]:
        headers = {"Authorization": f"Bearer {value}"}
        granted = client.get("/v1/grants", headers=headers).json["items"]
        decided = client.get("/v1/decisions", headers=headers).json["items"]
        sources = [item["event"]["input"]["review"]["source"] for item in decided]
        found = [(one["environment"], one["host"]) for one in sources]
        assert [(one["environment"], one["host"]) for one in granted] == found
        return found

    assert seen("dev") == [("dev", "gpu-02"), ("dev", "gpu-01")]
    assert seen("one") == [("dev", "gpu-01"), ("prod", "gpu-01")]
    assert seen("both") == [("dev", "gpu-01")]


@cases(
    ("path", "message"),
    [
        ("/v1/decisions?limit=0", "invalid query: limit: expected a whole number from 1 to 500"),
        ("/v1/decisions?limit=501", "invalid query: limit: expected a whole number from 1 to 500"),
        ("/v1/decisions?before=x", "invalid query: before: expected a whole number"),
        (
            "/v1/decisions?before=99999999999999999999",
            "invalid query: before: expected a whole number",
        ),
        ("/v1/decisions?allowed=maybe", "invalid query: allowed: expected true or false"),
        ("/v1/decisions?polcy=x", "unknown query parameter 'polcy'; did you mean policy?"),
        (
            "/v1/grants?before=3",
            r"invalid query: before: expected a text that matches ^[0-9]{1,18}\.[0-9]{1,9}$",
        ),
        ("/v1/decisions/x?y=1", "unknown query parameter 'y'"),
    ],
)
def test_a_query_that_is_not_right_is_refused(client, path, message):
    response = client.get(path)

    assert (response.status_code, response.json["reason"]) == (400, "BadRequest")
    assert message in response.json["message"]


def test_a_log_that_cannot_be_read_is_503(client, audit_path):
    import sqlite3

    with closing(sqlite3.connect(audit_path)) as other, other:
        other.execute("DROP TABLE grants")

    response = client.get("/v1/grants")
    assert (response.status_code, response.json["reason"]) == (503, "ServiceUnavailable")
    assert response.json["message"] == (
        f"the audit log {audit_path} cannot be read: no such table: grants"
    )


@pytest.mark.usefixtures("filled")
def test_decisions_and_grants_are_found_by_time_user_and_exception(client, commits):
    assert commits("?since=2020-01-01&host=gpu-02&user=local") == ["c2"]
    assert commits("?until=2020-01-01") == []
    assert commits("?gpu=0&host=gpu-01") == ["c1"]
    assert commits("?exception=none") == []
    assert commits("?environment=prod") == []

    def hosts(query: str) -> list[str]:
        return [item["host"] for item in client.get(f"/v1/grants?{query}").json["items"]]

    assert hosts("at=2099-01-01") == ["gpu-03", "gpu-02", "gpu-01"]
    assert hosts("at=2020-01-01") == []
    assert hosts("since=2020-01-01&until=2020-02-01") == []
    assert hosts("user=local&host=gpu-01") == ["gpu-01"]
    assert hosts("exception=none") == []


@cases(
    ("path", "message"),
    [
        ("/v1/grants?at=now", "at: 'now' is not a date such as 2026-03-01, or a time such as "),
        ("/v1/grants?at=2026-01-01&since=2026-01-01", "at cannot be combined with since and until"),
        ("/v1/decisions?since=1", "since: '1' is not a date"),
        ("/v1/usage?since=2026-01-02&until=2026-01-01", "until must be after since"),
        ("/v1/usage?by=year", "invalid query: by: expected host, repository, team or user"),
        ("/v1/events?kind=grant-revokd", "kind: there are no events of the kind 'grant-revokd'"),
    ],
)
def test_a_time_or_kind_that_is_not_one_is_a_bad_request(client, path, message):
    response = client.get(path)

    assert response.status_code == 400
    assert response.json["message"].startswith(message)


@pytest.mark.usefixtures("filled")
def test_events_are_listed_by_kind(client, services):
    target = services.audit.grants()[0].target
    services.audit.append_event("start", {}, now=1_000)
    services.audit.revoke(services.audit.grants(host="gpu-03"), now=2_000, actor="ana", reason="x")

    assert target.host == "gpu-03"
    body = client.get("/v1/events").json
    assert (body["kind"], [item["type"] for item in body["items"]]) == (
        "EventList",
        ["grant-revoked", "start"],
    )
    kinds = "kind=decision&kind=start"
    types = [item["type"] for item in client.get(f"/v1/events?{kinds}").json["items"]]
    assert types == ["start"] + ["decision"] * 5
    first = client.get("/v1/events?limit=1").json
    following = client.get(f"/v1/events?before={first['next']}").json
    assert [item["type"] for item in following["items"]] == ["start"]


@pytest.mark.usefixtures("filled")
def test_usage_counts_what_the_token_may_see(make):
    digest = hashlib.sha256(b"t").hexdigest()
    token = Token(owner="beta", sha256=digest, scopes=("audit:read",), repositories=("beta/**",))
    limited = make(tokens={"beta": token})
    body = limited.get("/v1/usage?by=repository", headers={"Authorization": "Bearer t"}).json
    everything = make().get("/v1/usage?by=repository").json

    assert (body["kind"], body["items"]) == ("UsageList", [])
    assert [(item["group"], item["gpus"]) for item in everything["items"]] == [("acme/train", 6)]


def test_devices_need_a_host_of_the_inventory(client):
    assert client.get("/v1/gpus").json["items"] == []
    response = client.get("/v1/gpus?host=gpu-01")
    assert (response.status_code, response.json["message"]) == (
        404,
        "the inventory of the policy set has no host 'gpu-01'",
    )


def test_a_project_states_until_when_it_is_granted(client, post):
    until = "x-policyd-until: {}\n"
    denied = post(TWO_GPUS + until.format("2020-01-01"), "?repository=acme/old")
    post(TWO_GPUS + until.format("2099-01-01"), "?repository=acme/train")

    response = denied.json["response"]
    assert (response["allowed"], response["status"]["code"]) == (False, 422)
    assert response["status"]["message"] == (
        "compose.yaml:7:18: x-policyd-until is over: the grants of the project would not begin"
    )
    (grant,) = client.get("/v1/grants").json["items"]
    assert (grant["expires"], grant["state"]) == ("2099-01-01T00:00:00.000000000Z", "active")
