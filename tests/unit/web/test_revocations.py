from __future__ import annotations

from typing import Any

import pytest

from policyd.audit.store import open_store
from tests.support.held import granted
from tests.unit.audit.conftest import pair

PATH = "/v1/grants/1.0/revoke"
REASON = {"reason": "host is repaired"}


@pytest.fixture
def held(audit_path: str) -> str:
    """The log of the webhook, with a grant of acme/train on gpu-01 and one of beta/web."""
    store = open_store(audit_path)
    store.append_decision(*pair("d1", grants=(granted("train"),)))
    store.append_decision(*pair("d2", repository="beta/web", grants=(granted("web"),)))
    store.close()
    return audit_path


def revoke(client: Any, path: str = PATH, bearer: str = "admin", **arguments: Any) -> Any:
    arguments = arguments or {"json": REASON}
    return client.post(path, headers={"Authorization": f"Bearer {bearer}"}, **arguments)


@pytest.fixture
def client(make: Any, token: Any) -> Any:
    own = {"scopes": ("admin",), "owner": "operations"}
    return make(
        tokens={
            "all": token("admin", **{**own, "repositories": ("**",)}),
            "beta": token("beta", **{**own, "repositories": ("beta/**",)}),
            "reader": token("reader", repositories=("**",), scopes=("audit:read", "review")),
        }
    )


@pytest.mark.usefixtures("held")
def test_a_grant_is_revoked_once_with_who_and_why(client: Any) -> None:
    answer = revoke(client)

    assert (answer.status_code, answer.json["type"]) == (200, "grant-revoked")
    assert answer.json["sequence"] == 3
    event = {name: answer.json["event"][name] for name in ("actor", "reason", "target", "details")}
    assert event == {
        "actor": "operations",
        "reason": "host is repaired",
        "target": ["acme/train", "train", "prod", "gpu-01"],
        "details": {"grants": ["1.0"]},
    }
    listed = client.get("/v1/grants?active=false", headers={"Authorization": "Bearer reader"})
    assert [(one["service"], one["state"]) for one in listed.json["items"]] == [
        ("web", "active"),
        ("train", "revoked"),
    ]
    again = revoke(client)
    assert (again.status_code, again.json["message"]) == (404, "there is no active grant 1.0")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("path", "bearer", "code", "message"),
    [
        (
            PATH,
            "reader",
            403,
            "this request requires a token with the scope admin; this token has ",
        ),
        (PATH, "beta", 404, "there is no active grant 1.0"),
        ("/v1/grants/9.9/revoke", "admin", 404, "there is no active grant 9.9"),
        ("/v1/grants/1/revoke", "admin", 400, "'1' is not SEQUENCE.POSITION, such as 12.0"),
        (f"/v1/grants/{'9' * 19}.0/revoke", "admin", 400, f"'{'9' * 19}.0' is not SEQUENCE"),
        (f"{PATH}?force=1", "admin", 400, "unknown query parameter 'force'"),
    ],
)
@pytest.mark.usefixtures("held")
def test_what_may_not_be_revoked_stays(
    client: Any, path: str, bearer: str, code: int, message: str
) -> None:
    answer = revoke(client, path, bearer)

    assert (answer.status_code, answer.json["message"][: len(message)]) == (code, message)
    listed = client.get("/v1/grants", headers={"Authorization": "Bearer reader"})
    assert len(listed.json["items"]) == 2


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"json": {}}, 400, "the body is not a revocation: Object missing required field `reason`"),
        ({"json": {"reason": " "}}, 400, "the reason is empty: say why the grant is revoked"),
        ({"json": {"reason": "x" * 1001}}, 400, "the body is not a revocation: Expected `str` of "),
        ({"json": {"reason": "x", "by": "ana"}}, 400, "the body is not a revocation: Object "),
        (
            {"data": '{"reason": "a", "reason": "b"}', "content_type": "application/json"},
            400,
            "the body is not a revocation: duplicate key 'reason'",
        ),
        (
            {"data": "reason=x", "content_type": "text/plain"},
            415,
            "the Content-Type is text/plain; supported is application/json",
        ),
        ({"data": "{}"}, 415, "the Content-Type is missing; supported is application/json"),
        ({"json": {"reason": "x" * 70_000}}, 413, "request body too large"),
    ],
)
@pytest.mark.usefixtures("held")
def test_a_body_without_a_reason_is_refused(
    client: Any, body: dict[str, Any], code: int, message: str
) -> None:
    answer = revoke(client, **body)

    assert (answer.status_code, answer.json["message"][: len(message)]) == (code, message)
