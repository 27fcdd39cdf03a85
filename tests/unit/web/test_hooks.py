from __future__ import annotations

from policyd.audit.pushes import Pushes
from tests.support.stored_pushes import push


def test_pushes_without_a_verdict_are_listed(client, services):
    pushes = Pushes(services.audit)
    pushes.add("hub", "hub/", [push(number) for number in range(1, 6)], 1)
    pushes.finish(pushes.claim("hub", 1, 2, until=9)[0].number, 3)
    pushes.add("other", "", [push(1)], 4)

    def numbers(query: str = "") -> list[int]:
        return [item["number"] for item in client.get(f"/v1/hooks{query}").json["items"]]

    assert numbers() == [6, 5, 4, 3, 2]
    assert numbers("?state=done") == [1]
    assert numbers("?registry=hub&limit=2") == [5, 4]
    assert numbers("?before=3") == [2]
    page = client.get("/v1/hooks?limit=2").json
    assert (page["kind"], page["next"]) == ("PushList", 5)
    assert page["items"][0]["eventId"] == "event-1"


def test_a_query_that_is_not_valid_is_refused(client):
    for query in ("state=lost", "limit=0", "before=0", "status=failed"):
        assert client.get(f"/v1/hooks?{query}").status_code == 400


def test_a_token_sees_the_pushes_to_its_repositories(make, token, services):
    Pushes(services.audit).add("hub", "acme/", [push(1)], 1)
    Pushes(services.audit).add("other", "", [push(2)], 1)
    client = make(
        tokens={
            "acme": token(scopes=("admin",)),
            "prod": token("prod", scopes=("admin",), environments=("prod",)),
        }
    )

    def events(value: str) -> list[str]:
        answer = client.get("/v1/hooks", headers={"Authorization": f"Bearer {value}"})
        return [item["eventId"] for item in answer.json["items"]]

    assert events("ci-token") == ["event-1"]
    assert events("prod") == []
