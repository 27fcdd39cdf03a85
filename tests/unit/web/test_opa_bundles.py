from __future__ import annotations

import pytest

from policyd import opa_bundle

PATH = "/bundles/default.tar.gz"


def test_the_policy_set_in_force_is_served_as_a_bundle(client, services):
    response = client.get(PATH)

    assert services.policy_set.name == "default"
    assert (response.status_code, response.mimetype) == (200, "application/gzip")
    assert response.data == opa_bundle.build(services.policy_set)


def test_who_holds_it_already_is_told_so(client):
    tag = client.get(PATH).headers["ETag"]

    again = client.get(PATH, headers={"If-None-Match": tag})
    other = client.get(PATH, headers={"If-None-Match": '"another"'})

    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert (other.status_code, other.headers["ETag"]) == (200, tag)


def test_another_name_is_not_found(client):
    response = client.get("/bundles/acme.tar.gz")

    assert (response.status_code, response.json["reason"]) == (404, "NotFound")
    assert response.json["message"] == "the policy set in force is 'default', not 'acme'"


@pytest.mark.parametrize("path", [PATH, "/metrics"])
def test_where_tokens_are_configured_one_is_needed(make, token, path):
    client = make(tokens={"ci": token()})

    refused = client.get(path)
    given = client.get(path, headers={"Authorization": "Bearer ci-token"})

    assert (refused.status_code, refused.json["reason"]) == (401, "Unauthorized")
    assert given.status_code == 200
