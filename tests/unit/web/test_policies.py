from __future__ import annotations


def test_the_policies_of_the_set_are_listed_with_what_is_done_about_them(client, services):
    response = client.get("/v1/policies")

    body = response.json
    assert (response.status_code, body["kind"]) == (200, "PolicyList")
    assert body["policySet"] == {
        "name": services.policy_set.name,
        "revision": services.policy_set.revision,
    }
    assert [item["id"] for item in body["items"]] == list(services.policy_set.policies)
    item = next(item for item in body["items"] if item["id"] == "no-all-gpus")
    assert [constraint["actions"] for constraint in item["constraints"]] == [{"default": "deny"}]


def test_one_policy_is_shown_in_full_and_no_path_of_the_server(client, services):
    response = client.get("/v1/policies/no-privileged")

    body = response.json
    assert body["kind"] == "Policy"
    assert body["remediation"] == services.policy_set.policies["no-privileged"].remediation
    assert body["source"].startswith("# METADATA")
    assert "location" not in body["constraints"][0]


def test_a_policy_that_is_not_there_is_not_found(client, services):
    response = client.get("/v1/policies/no-such")

    assert (response.status_code, response.json["reason"]) == (404, "NotFound")
    assert response.json["message"] == (
        f"there is no policy no-such in the policy set {services.policy_set.name}"
    )
    assert client.get("/v1/policies?x=1").status_code == 400
