from __future__ import annotations

import pickle

import msgspec

from policyd.model import Finding, Grant


def test_a_finding_that_names_a_hook_is_about_its_service() -> None:
    answer = b'{"policy":"p","msg":"m","service":"web/pre_start/0","path":["services","web"]}'

    assert msgspec.json.decode(answer, type=Finding).service == "web"
    assert Finding("p", "m", service="nightly").service == "nightly"


def test_a_grant_from_another_process_has_the_same_json() -> None:
    plain = Grant("web", "nvidia", "gpus", "all", 1, ("services", "web", "gpus"))
    job = msgspec.structs.replace(plain, kind="job", schedule=("@daily",), expires="2027", hook=0)

    for grant in (plain, job):
        found = pickle.loads(pickle.dumps(grant))
        assert found == grant
        assert msgspec.json.encode(found) == msgspec.json.encode(grant)
    assert b"kind" not in msgspec.json.encode(plain)
