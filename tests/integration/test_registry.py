"""End to end: an artifact is pushed to a real registry, which notifies our webhook, which fetches
it, judges it and records the decision. The artifacts are as `docker compose publish` pushed them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable

import pytest

from policyd.audit.event import DecisionEvent, event_of
from policyd.audit.store import open_store
from policyd.receipts.verification import verified
from tests.support.receipts import KEY, PEM

pytestmark = pytest.mark.integration

CLEAN = b"services:\n  t:\n    image: x\n"
NAME = {"com.docker.compose.file": "compose.yaml"}


@pytest.fixture
def start(start_registry, start_webhook, free_port, tmp_path):
    """A function that starts a registry and a webhook that know each other."""

    def run(*, login: bool = False, **options):
        port = free_port()
        registry = start_registry(
            f"http://127.0.0.1:{port}/hooks/registry/hub", login=login, **options
        )
        hub = {
            "url": registry.url,
            "insecure": True,
            "prefix": "hub/",
            "hook_sha256": hashlib.sha256(b"test-secret").hexdigest(),
        }
        if login:
            password = tmp_path / "password"
            password.write_text("pa55\n")
            hub |= {"username": "ci", "password_file": str(password)}
        webhook = start_webhook(port, workers=2, registries={"hub": hub})
        return registry, webhook

    return run


@pytest.fixture
def decision_on(until) -> Callable[..., DecisionEvent]:
    """A function that waits for the decision on a digest."""

    def wait(webhook, digest: str) -> DecisionEvent:
        store = open_store(webhook.audit)
        try:
            until(lambda: bool(store.decisions(commit=digest)))
            (record,) = store.decisions(commit=digest)
            return event_of(record)
        finally:
            store.close()

    return wait


def policies(event: DecisionEvent) -> list[str]:
    return sorted({violation.policy for violation in event.result.violations})


@pytest.mark.slow
def test_what_docker_compose_publish_pushes_is_judged_and_recorded(start, decision_on, until):
    registry, webhook = start()

    digest = registry.push_recorded("simple")

    assert digest == "sha256:b79de99bf46d80f928fe6b666d0f6c9f50409b9e8a97ed34448f5e2b67c12e73"
    event = decision_on(webhook, digest)
    assert policies(event) == ["no-all-gpus"]
    assert event.result.violations[0].location.line == 6
    assert event.result.project == "demo"
    review = event.input.review
    assert (review.enforcement_point, review.operation) == ("registry", "CHECK")
    assert (review.source.repository, review.source.ref) == ("hub/demo/simple", "1.0")
    assert [grant.method for grant in event.result.grants] == ["reservation"]

    answer = registry.session.get(
        f"{webhook.url}/v1/decisions", params={"commit": digest}, timeout=10
    )
    assert answer.json()["items"][0]["event"]["decision_id"] == event.decision_id
    # Our own fetch makes the registry tell of a pull, which must not be judged in turn.
    until(lambda: "the action is pull, not push" in webhook.output)
    assert webhook.stop() == 0


@pytest.mark.slow
def test_every_recorded_form_gets_its_verdict(start, decision_on):
    registry, webhook = start()
    names = [
        "multi-f", "multi-implicit-override", "oci10", "env-noflag", "env-withenv", "extends",
        "extends-samedir", "extends-block", "profiles",
    ]  # fmt: skip

    digests = {name: registry.push_recorded(name) for name in names}

    events = {name: decision_on(webhook, digest) for name, digest in digests.items()}
    verdicts = {name: (event.result.status.code, policies(event)) for name, event in events.items()}
    assert verdicts == {
        "multi-f": (403, ["no-privileged"]),
        "multi-implicit-override": (403, ["no-all-gpus"]),
        "oci10": (200, []),
        "env-noflag": (422, []),
        "env-withenv": (422, []),
        "extends": (422, []),
        "extends-samedir": (403, ["no-all-gpus", "no-nvidia-runtime"]),
        "extends-block": (422, []),
        "profiles": (403, ["no-all-gpus", "require-gpu-driver"]),
    }
    assert events["env-noflag"].result.status.message == (
        "the artifact is incomplete: it does not contain "
        "263ac5e41c1c10ced455ec280a7481aa0a797c35484f0aa4d79a3efd9b720390.env, "
        "4808b1e8ba72343ca96b37575b9e329b10ae6873c0d8b23a6db204976b71f344.env; "
        "publish it with --with-env"
    )
    assert "deep.yaml" in events["extends-block"].result.status.message
    assert events["extends"].result.status.message.startswith("compose.yaml:")


@pytest.mark.slow
def test_forged_artifacts_are_seen_as_compose_would_run_them(start, decision_on):
    registry, webhook = start()
    privileged = b"services:\n  t:\n    image: x\n    privileged: true\n"
    harmless = {
        "mediaType": "application/vnd.docker.compose.file+yaml",
        "digest": f"sha256:{hashlib.sha256(privileged).hexdigest()}",
        "size": len(privileged),
        "annotations": NAME,
        "data": "c2VydmljZXM6IHt9Cg==",
    }

    mismatched = registry.push_files("forged/data", [(NAME, privileged)], layers=[harmless])
    extended = registry.push_files(
        "forged/extends",
        [({**NAME, "com.docker.compose.extends": "true"}, privileged), (NAME, CLEAN)],
    )
    leaving = registry.push_files(
        "forged/name",
        [
            (NAME, CLEAN),
            ({"com.docker.compose.file": "../x", "com.docker.compose.extends": "true"}, b"a: 1\n"),
        ],
    )

    assert policies(decision_on(webhook, mismatched)) == ["no-privileged"]
    assert policies(decision_on(webhook, extended)) == ["no-privileged"]
    refused = decision_on(webhook, leaving).result
    assert (refused.allowed, refused.status.code) == (False, 422)
    assert "has the invalid file name '../x'" in refused.status.message


@pytest.mark.slow
@pytest.mark.parametrize("references", [True, False])
def test_what_is_no_project_is_left_alone_with_the_reason_in_the_log(
    start, decision_on, until, references
):
    registry, webhook = start(references=references)
    image = {
        "artifactType": "",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
            "size": 2,
        },
        "layers": [],
    }
    registry.push_files("demo/image", [], **image)
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [],
    }
    registry.push("demo/index", json.dumps(index).encode(), [])

    digest = registry.push_recorded("simple")
    decision_on(webhook, digest)
    reason = (
        "the manifest does not refer to a Compose file"
        if references
        else "the artifact is not a Compose project"
    )
    until(lambda: reason in webhook.output)

    gone = registry.session.delete(f"{registry.url}/v2/demo/simple/manifests/{digest}")
    assert gone.status_code == 202
    until(lambda: "the action is delete, not push" in webhook.output)
    store = open_store(webhook.audit)
    assert [event_of(record).input.review.source.commit for record in store.decisions()] == [digest]
    store.close()


@pytest.mark.slow
def test_the_same_manifest_is_judged_once_however_often_it_is_pushed(start, decision_on, until):
    registry, webhook = start()
    digest = registry.push_recorded("oci10")
    decision_on(webhook, digest)

    assert registry.push_recorded("oci10") == digest
    until(lambda: "push already decided" in webhook.output)
    decision_on(webhook, digest)


@pytest.mark.slow
def test_a_registry_with_a_login_is_read_with_it_and_names_who_pushed(start, decision_on):
    registry, webhook = start(login=True)

    event = decision_on(webhook, registry.push_recorded("oci10"))

    assert event.result.allowed is True
    assert event.input.review.user_info.username == "ci"
    assert "pa55" not in webhook.output


@pytest.mark.slow
def test_what_was_pushed_while_the_webhook_was_away_is_judged_when_it_is_back(
    start_registry, start_webhook, free_port, decision_on
):
    port = free_port()
    registry = start_registry(f"http://127.0.0.1:{port}/hooks/registry/hub")
    digest = registry.push_recorded("multi-f")

    hub = {
        "url": registry.url,
        "insecure": True,
        "hook_sha256": hashlib.sha256(b"test-secret").hexdigest(),
    }
    webhook = start_webhook(port, workers=1, registries={"hub": hub})

    assert policies(decision_on(webhook, digest)) == ["no-privileged"]


@pytest.mark.thorough
def test_the_receipt_of_a_push_is_found_beside_the_artifact(
    start_registry, start_webhook, free_port, tmp_path, until
) -> None:
    port = free_port()
    registry = start_registry(f"http://127.0.0.1:{port}/hooks/registry/hub")
    key = tmp_path / "receipt-key.pem"
    key.write_text(PEM)
    key.chmod(0o600)
    hub = {
        "url": registry.url,
        "insecure": True,
        "attach_receipts": True,
        "hook_sha256": hashlib.sha256(b"test-secret").hexdigest(),
    }
    webhook = start_webhook(
        port,
        registries={"hub": hub},
        receipt_key_file=str(key),
        audit_origin="policyd.example/log",
    )

    digest = registry.push_files("demo/app", [(NAME, CLEAN)])

    base = f"{registry.url}/v2/demo/app"
    tag = f"{base}/manifests/sha256-{digest.removeprefix('sha256:')}"
    kinds = {"Accept": "application/vnd.oci.image.index.v1+json"}
    until(lambda: registry.session.get(tag, headers=kinds).status_code == 200)
    (entry,) = registry.session.get(tag, headers=kinds).json()["manifests"]
    assert entry["artifactType"] == "application/vnd.policyd.receipt.v1"
    kinds = {"Accept": entry["mediaType"]}
    url = f"{base}/manifests/{entry['digest']}"
    manifest = registry.session.get(url, headers=kinds).json()
    assert manifest["subject"]["digest"] == digest
    (layer,) = manifest["layers"]
    receipt = registry.session.get(f"{base}/blobs/{layer['digest']}").content
    found = verified(receipt, [KEY.public], now=time.time_ns()).admission
    assert (found.allowed, found.source.commit) == (True, digest)
    # Our own uploads make the registry notify us, too.
    until(lambda: "does not refer to a Compose file" in webhook.output)
    assert webhook.stop() == 0
