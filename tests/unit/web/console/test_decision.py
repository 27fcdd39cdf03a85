from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from policyd.audit import checkpoints
from policyd.model import Exempted, Location, NotEvaluated, PolicySetRevision, Status, Violation
from policyd.policies.manifests import Constraint
from policyd.policies.matching import Selector
from policyd.policies.recorded_policy_set import content_of
from policyd.services import Services
from policyd.web.app import create_app
from policyd.web.console.decision import groups
from policyd.web.registry_notifications import PUSH_REVIEWS
from tests.support.cases import cases
from tests.support.console_pages import HOSTILE, evil, rows
from tests.support.held import granted

PLACE = Location("compose.yaml", 7, 9)


def violation(number: int = 0, **fields) -> Violation:
    given = {
        "policy": "no-a",
        "constraint": "no-a-prod",
        "enforcement_action": "deny",
        "severity": "high",
        "message": f"service s{number} is wrong",
        "remediation": "Remove it.",
        "service": f"s{number}",
        "path": ("services", f"s{number}", "ports", 0),
        "location": PLACE,
    }
    return Violation(**{**given, **fields})


@pytest.fixture
def signing(services: Services, tmp_path: Path):
    """A client of a webhook whose log signs checkpoints, and its signer."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    path = tmp_path / "key.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    settings = msgspec.structs.replace(
        services.settings, audit_key_file=str(path), audit_origin="policyd.example/log"
    )
    app = create_app(Services(settings, services.rules, services.store))
    yield app.test_client(), checkpoints.load_signer(str(path), "policyd.example/log")
    app.extensions[PUSH_REVIEWS].close()


def facts(page) -> dict[str, str]:
    """Return the names and values of the lists of facts of a page."""
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page.text, re.DOTALL)
    return {name: " ".join(re.sub(r"<[^>]+>", "", value).split()) for name, value in found}


def test_a_denial_says_where_and_how_to_fix_it(client, record) -> None:
    record(
        allowed=False,
        changes={
            "status": Status(403, "Forbidden", "1 policy denies: no-a"),
            "violations": (violation(1), violation(2), violation(3, enforcement_action="warn")),
        },
    )
    page = client.get("/console/decisions/d1")

    assert "<h1>Decision d1</h1>" in page.text
    assert '<p class="problem">1 policy denies: no-a</p>' in page.text
    texts = [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in re.findall(
        r'<article class="violation">(.*?)</article>', page.text, re.DOTALL
    )]  # fmt: skip
    assert texts == [
        "✕ deny no-a high, constraint no-a-prod service s1 is wrong at compose.yaml:7:9 service "
        "s1 services.s1.ports.0 service s2 is wrong at compose.yaml:7:9 service s2 "
        "services.s2.ports.0 Fix: Remove it.",
        "! warn no-a high, constraint no-a-prod service s3 is wrong at compose.yaml:7:9 service "
        "s3 services.s3.ports.0 Fix: Remove it.",
    ]


def test_violations_that_deny_come_first_with_each_fix_once() -> None:
    found = groups(
        [
            violation(1, enforcement_action="warn"),
            violation(2),
            violation(3, remediation="Or so."),
            violation(4),
        ]
    )
    assert [[one.service for one in group.violations] for group in found] == [
        ["s2", "s4"], ["s3"], ["s1"],
    ]  # fmt: skip


def test_grants_have_their_certainty_and_their_state(client, record) -> None:
    both = (granted("a", entitlements=("team",)), granted("b", certainty="unknown", replicas=2))
    record(grants=both)
    assert rows(client.get("/console/decisions/d1").text) == [
        ["a", "nvidia", "GPU 0", "reservation", "✓ certain", "entitlement team", "active Revoke"],
        ["b × 2", "nvidia", "GPU 0", "reservation", "? not certain", "", "active Revoke"],
    ]
    record("d2", grants=(), seconds=60)
    assert [row[-1] for row in rows(client.get("/console/decisions/d1").text)] == [
        "superseded 2026-11-23 15:01:00 UTC"
    ] * 2
    record("d3", allowed=False, grants=both, seconds=90)
    page = client.get("/console/decisions/d3")
    assert [row[-1] for row in rows(page.text)] == ["not granted"] * 2
    assert "/console/gpus?host=gpu-01&amp;at=2026-11-23T15%3A01%3A30.000000000Z" in page.text


def test_exceptions_and_warnings_are_shown(client, record) -> None:
    exempted = Exempted(
        **{**msgspec.structs.asdict(violation()), "enforcement_action": "deny"},
        exception="night", owner="ml", reason="one run", approved_by="olga",
        expires="2026-12-01T00:00:00Z", break_glass=True,
    )  # fmt: skip
    unseen = NotEvaluated("env-file", "prod.env", "it does not exist", PLACE)
    record(changes={"exempted": (exempted,), "warnings": ("beware",), "not_evaluated": (unseen,)})
    page = client.get("/console/decisions/d1")

    assert rows(page.text) == [
        ["night ‼ break-glass", "no-a", "service s0 is wrong compose.yaml:7:9", "ml", "olga",
         "one run", "2026-12-01 00:00:00 UTC"],
    ]  # fmt: skip
    assert "the exception night bypassed all policies, approved by olga: one run" in page.text
    assert "<li>beware</li>" in page.text
    assert "Not evaluated: prod.env: it does not exist <code>compose.yaml:7:9</code>" in page.text


def test_the_subject_and_the_position_in_the_log_are_shown(client, record) -> None:
    stored = record()
    found = facts(client.get("/console/decisions/d1"))

    assert found == {
        "Project": "train",
        "Repository": "acme/train its decisions",
        "Commit": found["Commit"],
        "Ref": found["Ref"],
        "Environment": "prod its decisions",
        "Host": "gpu-01 its decisions",
        "User": "ci-bot its decisions",
        "Files": "compose.yaml",
        "Digest of the files": "sha256:bb",
        "Engine": "embedded",
        "Policy set": found["Policy set"],
        "Event": "1",
        "Hash": stored.hash,
        "Previous hash": stored.prev_hash,
        "Checkpoint": "none: checkpoints need the setting audit_key_file",
    }
    assert found["Policy set"].endswith(
        "which was replaced; its text is not in the audit log, because it was not put in force by "
        "this service"
    )


def test_the_text_of_its_policies_is_linked_while_it_is_kept(client, record, services) -> None:
    now = services.policy_set
    changes = {"violations": (violation(policy="no-privileged"),), "policy_set": now.reference}
    record("d1", changes=changes)
    page = client.get("/console/decisions/d1").text
    assert 'href="/console/policies/no-privileged"' in page
    assert "which is in force" in page

    old = msgspec.structs.replace(now, revision="sha256:old")
    changes["policy_set"] = PolicySetRevision(now.name, "sha256:old")
    record("d2", changes=changes, seconds=1)
    assert "<code>no-privileged</code>" in client.get("/console/decisions/d2").text
    answer = client.get("/console/decisions/d2/policies/no-privileged")
    assert answer.status_code == 404
    assert "does not have the text of the policy set that made the decision d2" in answer.text

    details = {
        "revision": "sha256:old",
        "document": services.audit.keep_document(content_of(old)),
    }
    services.audit.append_event("policy-set", details, now=0)
    record("d3", changes=changes, seconds=2)
    page = client.get("/console/decisions/d3").text
    assert 'href="/console/decisions/d3/policies/no-privileged"' in page
    assert "the audit log has its text" in page
    answer = client.get("/console/decisions/d3/policies/no-privileged")
    assert "<span class=hl-keyword>package</span>" in answer.text.replace('"', "")
    assert "<code>sha256:old</code>, which was put in force" in answer.text
    assert '<th scope="row">no-privileged</th>' in answer.text
    answer = client.get("/console/decisions/d3/policies/none")
    assert answer.status_code == 404
    assert "had no policy &#39;none&#39;" in answer.text


def test_a_recorded_policy_has_the_constraints_that_the_reader_may_see(
    browser_of, record, services
) -> None:
    now = services.policy_set
    own, other = (
        Constraint(
            name, "no-privileged", {"default": "deny"}, Selector(repositories=globs), Selector(),
            {"allowed": "bank"}, Location("set.yaml"),
        )
        for name, globs in (("own", ("acme/*", "bank/*")), ("other", ("bank/*",)))
    )  # fmt: skip
    old = msgspec.structs.replace(now, revision="sha256:old", constraints=(own, other))
    document = services.audit.keep_document(content_of(old))
    services.audit.append_event(
        "policy-set", {"revision": "sha256:old", "document": document}, now=0
    )
    record("d1", changes={"policy_set": PolicySetRevision(now.name, "sha256:old")})
    path = "/console/decisions/d1/policies/no-privileged"

    full = browser_of().get(path).text
    assert full.count("bank/*") == 2
    assert "Other constraints" not in full
    page = browser_of(repositories=("acme/*",)).get(path).text
    assert "acme/*" in page
    assert "bank" not in page
    assert "Other constraints apply only to places that you may not see." in page


def test_the_record_is_also_json_and_its_violations_csv(client, record) -> None:
    stored = record(changes={"violations": (violation(message="=1+1"),)})

    answer = client.get("/console/decisions/d1?format=json")
    assert (answer.json["hash"], answer.json["event"]["decision_id"]) == (stored.hash, "d1")
    assert client.get("/console/decisions/d1?format=csv").text == (
        "Action,Policy,Constraint,Severity,Place,Service,Path,Message,Remediation,Exception\r\n"
        "deny,no-a,no-a-prod,high,compose.yaml:7:9,s0,services.s0.ports.0,'=1+1,Remove it.,\r\n"
    )


def test_many_violations_have_pages(client, record) -> None:
    record(changes={"violations": tuple(violation(number) for number in range(1000)),
                    "grants": tuple(granted(f"s{number}") for number in range(1000))})  # fmt: skip
    first, last = client.get("/console/decisions/d1"), client.get("/console/decisions/d1?start=950")

    assert "1 to 50 of 1000" in first.text
    assert "951 to 1000 of 1000" in last.text
    assert "service s999 is wrong" in last.text
    assert "service s50 is wrong" not in first.text
    assert 'href="/console/decisions/d1?start=50"' in first.text
    assert 'href="/console/decisions/d1?start=900"' in last.text
    assert "These are the first 50 of 1000 grants." in first.text
    assert len(first.data) < 60_000


def test_a_proof_is_verified_by_the_key_of_the_log(signing, record) -> None:
    client, signer = signing
    stored = record()
    assert facts(client.get("/console/decisions/d1"))["Checkpoint"] == (
        "none includes this event yet; the proof signs one"
    )
    answer = client.get("/console/decisions/d1/proof")

    assert answer.headers["Content-Disposition"] == 'attachment; filename="decision.proof"'
    entry, state = checkpoints.proven_entry(answer.text, [signer.verifier])
    assert (entry.decision, entry.hash, state.size) == ("d1", stored.hash, 1)
    parts = client.get("/console/decisions/d1/proof?format=json").json
    assert (parts["origin"], parts["size"], parts["index"], parts["hashes"]) == (
        "policyd.example/log", 1, 0, [],
    )  # fmt: skip
    assert parts["entry"]["hash"] == stored.hash
    assert parts["checkpoint"] in answer.text
    assert facts(client.get("/console/decisions/d1"))["Checkpoint"].startswith(
        "of 1 events, signed "
    )


def test_without_a_key_there_is_no_proof(client, record) -> None:
    record()
    answer = client.get("/console/decisions/d1/proof")

    assert answer.status_code == 404
    assert "so there are no proofs: set audit_key_file" in answer.text


def test_decisions_of_others_do_not_exist(make, token, record) -> None:
    record()
    client = make(tokens={"a": token("t", scopes=("audit:read",), repositories=("other/**",))})
    for path in ("d1", "d1/proof", "d1/policies/no-privileged", "d2"):
        answer = client.get(f"/console/decisions/{path}", headers={"Authorization": "Bearer t"})
        assert answer.status_code == 404
        assert "there is no decision d" in answer.text


@cases("name", list(HOSTILE))
def test_names_of_others_are_text(client, record, name) -> None:
    fields = dict.fromkeys(("policy", "constraint", "message", "remediation", "service"), name)
    exempted = Exempted(
        **{**msgspec.structs.asdict(violation()), **fields},
        exception=name, owner=name, reason=name, approved_by=name, expires=name, break_glass=True,
    )  # fmt: skip
    decision_id = f"d{HOSTILE.index(name)}"
    record(
        decision_id, project=name, environment=name, host=name, grants=(granted(name),),
        changes={
            "violations": (violation(**fields, location=Location(name, 1, 1)),),
            "exempted": (exempted,),
            "warnings": (name,),
        },
    )  # fmt: skip
    page = client.get(f"/console/decisions/{decision_id}").text

    assert evil(page) == []
