from __future__ import annotations

import hashlib
import json

import pytest

from policyd.audit import pushes
from policyd.audit.event import event_of
from policyd.config import Registry, Settings
from policyd.model import UserInfo
from policyd.registry import push_queue
from policyd.services import Services
from policyd.web.app import create_app
from policyd.web.registry_notifications import PUSH_REVIEWS

CLEAN = "services:\n  web:\n    image: nginx:1.27\n"
HASH = "4808b1e8ba72343ca96b37575b9e329b10ae6873c0d8b23a6db204976b71f344"
SECRET = {"Authorization": "Bearer test-secret"}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(push_queue, "RETRY_SECONDS", (0.0,))
    monkeypatch.setattr(push_queue, "POLL_SECONDS", 0.01)


@pytest.fixture
def hook(make, registry):
    """A webhook that hears one registry, called hub."""
    return make(
        registries={
            "hub": Registry(
                url=f"http://{registry.host}",
                insecure=True,
                prefix="hub/",
                hook_sha256=hashlib.sha256(b"test-secret").hexdigest(),
            )
        }
    )


@pytest.fixture
def notify(hook):
    """A function that tells of a push, as distribution does, and returns the answer."""

    def post(digest: str, event_id: str = "event-1", headers=SECRET, **target):
        event = {
            "id": event_id,
            "action": "push",
            "target": {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": digest,
                "repository": "demo/simple",
                "tag": "1.0",
                **target,
            },
            "actor": {"name": "ci"},
        }
        return hook.post(
            "/hooks/registry/hub",
            data=json.dumps({"events": [event]}),
            content_type="application/vnd.docker.distribution.events.v1+json",
            headers=headers,
        )

    return post


@pytest.fixture
def recorded(services, until):
    """A function that waits until so many decisions are recorded, and returns their events."""

    def wait(number: int):
        until(lambda: len(services.audit.decisions()) >= number)
        return [event_of(record) for record in services.audit.decisions()]

    return wait


def test_a_pushed_project_is_judged_and_recorded(registry, notify, recorded):
    digest = registry.push({"compose.yaml": CLEAN})

    response = notify(digest)

    assert (response.status_code, response.json["accepted"]) == (202, 1)
    (event,) = recorded(1)
    review = event.input.review
    assert event.result.allowed is True
    assert (review.enforcement_point, review.operation) == ("registry", "CHECK")
    assert review.source.repository == "hub/demo/simple"
    assert (review.source.ref, review.source.commit) == ("1.0", digest)
    assert review.user_info == UserInfo("ci")
    assert event.req_id == "event-1"
    assert event.input.project.files == ("compose.yaml",)
    assert event.input.project.name == digest.removeprefix("sha256:")


def test_several_files_are_judged_as_one_project(registry, notify, recorded):
    files = {"compose.yaml": CLEAN, "prod.yaml": "services:\n  web:\n    privileged: true\n"}

    notify(registry.push(files))

    (event,) = recorded(1)
    assert [violation.policy for violation in event.result.violations] == ["no-privileged"]
    assert event.result.violations[0].location.line == 8


def test_a_project_whose_env_files_were_left_out_is_denied_as_incomplete(
    registry, notify, recorded
):
    text = f"{CLEAN}    env_file:\n      - path: {HASH}.env\n        required: false\n"

    notify(registry.push({"compose.yaml": text}))

    (event,) = recorded(1)
    assert event.result.allowed is False
    assert event.result.status.code == 422
    assert event.result.status.message == (
        f"the artifact is incomplete: it does not contain {HASH}.env; publish it with --with-env"
    )


def test_a_project_with_its_env_files_is_judged_with_them(registry, notify, recorded):
    text = f"{CLEAN}    env_file:\n      - {HASH}.env\n"

    notify(registry.push({"compose.yaml": text, f"{HASH}.env": "NVIDIA_VISIBLE_DEVICES=all\n"}))

    (event,) = recorded(1)
    assert event.result.status.code == 403
    assert "no-gpu-via-environment" in {v.policy for v in event.result.violations}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: [", "compose.yaml:"),
        (
            f"services:\n  trainer:\n    extends: {{file: {HASH}.yaml\n    command: x\n",
            "compose.yaml:",
        ),
        (
            "services:\n  web:\n    extends:\n      file: deep.yaml\n      service: core\n",
            "deep.yaml",
        ),
    ],
)
def test_yaml_that_compose_refuses_is_a_denial(registry, notify, recorded, text, message):
    """Publishing breaks `extends` in flow style, and leaves out what extends something itself."""
    notify(registry.push({"compose.yaml": text}))

    (event,) = recorded(1)
    assert (event.result.allowed, event.result.status.code) == (False, 422)
    assert message in event.result.status.message


def test_an_artifact_with_a_name_that_leaves_its_folder_is_denied(registry, notify, recorded):
    notify(registry.push({"compose.yaml": CLEAN, "../evil.env": "A=1\n"}))

    (event,) = recorded(1)
    assert event.result.status.code == 422
    assert "has the invalid file name '../evil.env'" in event.result.status.message


def test_files_that_are_too_large_together_are_denied(registry, notify, recorded):
    half = CLEAN + "#" * (3 * 1024 * 1024)

    notify(registry.push({"compose.yaml": half, "b.yaml": half}))

    (event,) = recorded(1)
    assert (event.result.allowed, event.result.status.code) == (False, 422)


def test_content_that_is_not_its_digest_is_denied(registry, notify, recorded):
    digest = registry.push({"compose.yaml": CLEAN})
    blob = f"sha256:{hashlib.sha256(CLEAN.encode()).hexdigest()}"
    registry.answers[f"/v2/demo/simple/blobs/{blob}"] = (200, {}, CLEAN.upper().encode())

    notify(digest)

    (event,) = recorded(1)
    assert event.result.status.code == 422
    assert (
        event.result.status.message
        == f"the blob from the registry does not match its digest {blob}"
    )


def test_what_was_judged_is_not_judged_again(registry, notify, recorded, services, capsys):
    digest = registry.push({"compose.yaml": CLEAN})
    notify(digest, "event-1")
    recorded(1)

    assert notify(digest, "event-1").status_code == 202
    assert notify(digest, "event-2").status_code == 202
    other = registry.push({"compose.yaml": CLEAN + "# changed\n"})
    notify(other, "event-3")
    recorded(2)

    assert [event.req_id for event in recorded(2)] == ["event-3", "event-1"]
    assert "push already decided" in capsys.readouterr().out


def test_a_push_that_cannot_be_fetched_is_tried_again_denied_and_judged_when_told_anew(
    registry, notify, recorded, capsys
):
    digest = registry.push({"compose.yaml": CLEAN})
    path = f"/v2/demo/simple/manifests/{digest}"
    answer = registry.answers.pop(path)
    notify(digest, "event-1")

    (event,) = recorded(1)
    assert (event.result.allowed, event.result.status.code) == (False, 502)
    assert event.result.status.message == (
        f"http://{registry.host} answered 404 for demo/simple manifests/{digest}"
    )
    assert [seen for seen, _ in registry.seen] == [path, path]
    assert "review failed, will be repeated" in capsys.readouterr().out

    registry.answers[path] = answer
    notify(digest, "event-2")
    assert recorded(2)[0].result.allowed is True


def test_a_manifest_that_is_no_project_is_left_alone_with_the_reason_in_the_log(
    registry, notify, services, until, capsys
):
    digest = registry.push({}, artifactType="application/vnd.cncf.helm.config.v1+json")

    assert notify(digest).status_code == 202
    said = ""

    def is_said() -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return "the artifact is not a Compose project" in said

    until(is_said)
    assert services.audit.decisions() == []


def test_events_that_say_nothing_to_judge_are_acknowledged_with_the_reason_in_the_log(
    hook, registry, services, capsys
):
    events = [
        {"id": "e1", "action": "pull", "target": {"repository": "demo/simple"}},
        {"id": "e2", "action": "delete", "target": {"repository": "demo/x", "tag": "1"}},
        {"id": "e3", "action": "mount", "target": {"repository": "demo/y"}},
    ]
    response = hook.post("/hooks/registry/hub", json={"events": events}, headers=SECRET)

    assert (response.status_code, response.json["accepted"]) == (202, 0)
    out = capsys.readouterr().out
    for action in ("pull", "delete", "mount"):
        assert f"the action is {action}, not push" in out
    assert services.audit.decisions() == []
    assert registry.seen == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic test-secret"},
    ],
)
def test_a_notification_without_the_secret_is_refused(notify, registry, headers):
    response = notify("sha256:" + "a" * 64, headers=headers)

    assert (response.status_code, response.json["reason"]) == (401, "Unauthorized")
    assert registry.seen == []


def test_a_registry_that_is_not_configured_is_not_found(hook):
    response = hook.post("/hooks/registry/other", json={"events": []}, headers=SECRET)

    assert response.status_code == 404
    assert response.json["message"] == "no registry named 'other' is configured"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"no JSON", 400, "the notification cannot be read: "),
        (b'{"events": 1}', 400, "the notification cannot be read: "),
        (b"[" * (4 * 1024 * 1024 + 1), 413, "request body too large: 4,194,305 bytes"),
    ],
)
def test_what_is_no_notification_is_refused(hook, body, code, message):
    response = hook.post("/hooks/registry/hub", data=body, headers=SECRET)

    assert response.status_code == code
    assert response.json["message"].startswith(message)


def test_a_full_queue_is_503_so_that_the_registry_tells_again(notify, monkeypatch):
    monkeypatch.setattr(pushes, "MAX_WAITING", 0)

    response = notify("sha256:" + "a" * 64)

    assert (response.status_code, response.json["reason"]) == (503, "ServiceUnavailable")


def test_a_project_named_by_a_push_is_never_fetched_from_where_the_event_says(
    registry, notify, recorded, start_registry
):
    elsewhere = start_registry()
    digest = registry.push({"compose.yaml": CLEAN})

    notify(digest, url=f"http://{elsewhere.host}/v2/demo/simple/manifests/{digest}")

    recorded(1)
    assert elsewhere.seen == []


def test_docker_hub_sends_its_token_in_the_url_and_its_tag_is_looked_up(
    services, registry, until, tmp_path
):
    digest = registry.push({"compose.yaml": CLEAN})
    status, _, content = registry.answers[f"/v2/demo/simple/manifests/{digest}"]
    headers = {"Docker-Content-Digest": digest}
    registry.answers["/v2/demo/simple/manifests/latest"] = (status, headers, content)
    told = {"push_data": {"tag": "latest"}, "repository": {"repo_name": "demo/simple"}}
    hub = Registry(
        url=f"http://{registry.host}",
        insecure=True,
        kind="dockerhub",
        hook_sha256=hashlib.sha256(b"t0ken").hexdigest(),
    )
    app = create_app(Services(Settings(registries={"hub": hub}), services.rules, services.store))
    client = app.test_client()

    assert client.post("/hooks/registry/hub", json=told).status_code == 401
    assert client.post("/hooks/registry/hub?token=other", json=told).status_code == 401
    assert client.post("/hooks/registry/hub?token=t0ken", json=told).status_code == 202
    until(lambda: services.audit.decisions())
    app.extensions[PUSH_REVIEWS].close()

    (record,) = services.audit.decisions()
    assert event_of(record).input.review.source.commit == digest
