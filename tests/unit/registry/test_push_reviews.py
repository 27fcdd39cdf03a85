"""From a push to a recorded decision: real registry client, loader, engine and audit log."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from policyd.audit.event import DecisionEvent, event_of
from policyd.audit.pushes import Pushes
from policyd.audit.store import Store, open_store
from policyd.bootstrap import build
from policyd.config import Registry, Settings
from policyd.engines import Findings
from policyd.errors import ConfigError, EngineError
from policyd.hooks.events import Push
from policyd.model import Decision, Exempted, Review, Source, Status, UserInfo
from policyd.receipts.verification import verified
from policyd.registry import push_queue
from policyd.registry.push_reviews import PushReviews
from policyd.services import Services
from tests.conftest import wait_until
from tests.support.receipts import KEY, PEM
from tests.support.writable_registry import WritableRegistry, digest_of, writable_registry
from tests.unit.conftest import RegistryServer

CLEAN = "services:\n  web:\n    image: nginx:1.27\n"
HASH = "4808b1e8ba72343ca96b37575b9e329b10ae6873c0d8b23a6db204976b71f344"
NOW = 1_800_000_000_000_000_000


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed review is not repeated."""
    monkeypatch.setattr(push_queue, "RETRY_SECONDS", ())


@pytest.fixture(scope="module")
def deciding() -> Iterator[Services]:
    built = build(Settings())
    yield built
    built.close()


@pytest.fixture
def store(tmp_path: Path, empty_log: Path) -> Iterator[Store]:
    opened = open_store(str(shutil.copy(empty_log, tmp_path / "audit.db")))
    yield opened
    opened.close()


@pytest.fixture
def services(deciding: Services, store: Store, registry: RegistryServer) -> Services:
    hub = Registry(
        url=f"http://{registry.host}", insecure=True, prefix="hub/", hook_sha256="0" * 64
    )
    return Services(Settings(registries={"hub": hub}), deciding.rules, store, lambda: NOW)


def push(digest: str, event_id: str = "event-1") -> Push:
    return Push(event_id, "demo/simple", digest, "1.0", "ci")


def review(services: Services, *pushes: Push) -> list[dict[str, Any]]:
    """Review `pushes`, one after the other, and return what was logged."""
    with capture_logs() as logged:
        reviews = PushReviews(services)
        for one in pushes:
            assert reviews.offer("hub", [one])
            wait_until(lambda: not unfinished(services))
        reviews.close()
    return list(logged)


def unfinished(services: Services) -> list[str]:
    records = Pushes(services.audit).records(states=("waiting", "running"))
    return [record.event_id for record in records]


def events(services: Services) -> list[DecisionEvent]:
    return [event_of(record) for record in services.audit.decisions()]


def test_a_pushed_project_is_decided_recorded_and_logged(
    services: Services, registry: RegistryServer
) -> None:
    digest = registry.push({"compose.yaml": CLEAN})

    logged = review(services, push(digest))

    (event,) = events(services)
    assert event.input.review == Review(
        uid="event-1",
        enforcement_point="registry",
        now=NOW,
        operation="CHECK",
        user_info=UserInfo("ci"),
        source=Source(repository="hub/demo/simple", ref="1.0", commit=digest),
    )
    assert (event.input.project.name, event.input.project.files) == (
        digest.removeprefix("sha256:"),
        ("compose.yaml",),
    )
    assert (event.req_id, event.result.allowed) == ("event-1", True)
    assert logged == [
        {
            "event": "push decided",
            "log_level": "info",
            "allowed": True,
            "decision_id": event.decision_id,
            "reason": event.result.status.message,
            "event_id": "event-1",
            "repository": "demo/simple",
            "digest": digest,
        }
    ]


def test_a_push_is_decided_once_by_a_policy_set(
    services: Services, registry: RegistryServer
) -> None:
    digest = registry.push({"compose.yaml": CLEAN})

    logged = review(services, push(digest), push(digest, "event-2"))

    assert [event.req_id for event in events(services)] == ["event-1"]
    assert [line["event"] for line in logged] == ["push decided", "push already decided"]
    assert review(services, push(digest, "event-3"))[0]["event"] == "push already decided"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("changes", "again"),
    [
        ({}, False),
        ({"status": Status(499, "x", "")}, False),
        ({"status": Status(500, "InternalError", "")}, True),
        ({"policy_set": None}, True),
        ({"exempted": (Exempted("p", "c", "deny", "low", "m", "r"),)}, True),
    ],
    ids=["the same", "a denial", "a failure", "another policy set", "an exception"],
)
@pytest.mark.parametrize(
    ("point", "repository"), [("registry", "hub/demo/simple"), ("ci", "hub/demo/simple"),
                              ("registry", "demo/simple")]
)  # fmt: skip
def test_only_an_earlier_decision_that_still_holds_is_not_repeated(
    services: Services,
    registry: RegistryServer,
    changes: dict[str, Any],
    again: bool,
    point: Any,
    repository: str,
) -> None:
    digest = registry.push({"compose.yaml": CLEAN})
    earlier = Decision(
        "u", True, Status(200, "OK", ""), policy_set=services.policy_set.reference, decision_id="d"
    )
    services.audit.append_decision(
        Review("u", point, NOW - 1, source=Source(repository=repository, commit=digest)),
        msgspec.structs.replace(earlier, **changes),
    )

    review(services, push(digest))

    is_elsewhere = (point, repository) != ("registry", "hub/demo/simple")
    assert len(events(services)) == (2 if again or is_elsewhere else 1)


def test_an_artifact_without_a_project_is_not_recorded(
    services: Services, registry: RegistryServer
) -> None:
    digest = registry.push({}, artifactType="application/vnd.cncf.helm.config.v1+json")

    (line,) = review(services, push(digest))

    assert (line["event"], line["reason"]) == (
        "push ignored",
        "the artifact is not a Compose project",
    )
    assert events(services) == []


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("files", "code", "message"),
    [
        (
            {"compose.yaml": f"{CLEAN}    env_file: [{HASH}.env]\n"},
            422,
            f"the artifact is incomplete: it does not contain {HASH}.env; "
            "publish it with --with-env",
        ),
        (
            {"compose.yaml": "services:\n  web:\n    imag: a\n"},
            422,
            "compose.yaml:3:11: services.web: the key 'imag' ",
        ),
        ({"compose.yaml": CLEAN + "    privileged: true\n"}, 403, ""),
    ],
)
def test_a_project_that_may_not_run_is_a_recorded_denial(
    services: Services,
    registry: RegistryServer,
    files: dict[str, str],
    code: int,
    message: str,
) -> None:
    logged = review(services, push(registry.push(files)))

    (event,) = events(services)
    assert (event.result.allowed, event.result.status.code) == (False, code)
    assert event.result.status.message.startswith(message)
    assert event.input.review.source.repository == "hub/demo/simple"
    assert (logged[-1]["event"], logged[-1]["allowed"]) == ("push decided", False)


def test_a_push_that_cannot_be_fetched_is_denied_until_it_is_pushed_again(
    services: Services, registry: RegistryServer
) -> None:
    digest = registry.push({"compose.yaml": CLEAN})
    answer = registry.answers.pop(f"/v2/demo/simple/manifests/{digest}")

    logged = review(services, push(digest))
    registry.answers[f"/v2/demo/simple/manifests/{digest}"] = answer
    review(services, push(digest, "event-2"))

    reason = f"http://{registry.host} answered 404 for demo/simple manifests/{digest}"
    later, first = events(services)
    assert (first.result.allowed, first.result.status.code) == (False, 502)
    assert (first.req_id, first.result.status.message) == ("event-1", reason)
    assert (later.req_id, later.result.allowed) == ("event-2", True)
    assert [(line["event"], line["reason"]) for line in logged] == [
        ("push not evaluated", reason),
        ("push decided", reason),
    ]


def test_a_decision_that_cannot_be_recorded_is_logged(
    services: Services, registry: RegistryServer, tmp_path: Path
) -> None:
    digest = registry.push({"compose.yaml": CLEAN})
    with closing(sqlite3.connect(tmp_path / "audit.db")) as other, other:
        other.execute("DROP TABLE heads")

    logged = review(services, push(digest))

    assert [(line["event"], line["log_level"]) for line in logged] == [
        ("push not evaluated", "error"),
        ("decision not recorded", "error"),
    ]
    assert all(line["digest"] == digest for line in logged)


def test_each_registry_has_a_queue_and_a_prefix_of_its_own(
    services: Services, registry: RegistryServer
) -> None:
    digest = registry.push({"compose.yaml": CLEAN})
    hub = services.settings.registries["hub"]
    other = msgspec.structs.replace(hub, prefix="other/")
    both = replace(services, settings=Settings(registries={"hub": hub, "other": other}))

    reviews = PushReviews(both)
    assert reviews.offer("other", [push(digest)])
    assert reviews.offer("hub", [push(digest)])
    wait_until(lambda: not unfinished(both))
    reviews.close()

    assert {event.input.review.source.repository for event in events(services)} == {
        "hub/demo/simple",
        "other/demo/simple",
    }


def test_an_engine_that_fails_is_asked_again(
    services: Services, registry: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_queue, "RETRY_SECONDS", (0.0,))
    admission = services.rules.admissions()[0]
    monkeypatch.setattr(admission, "_relevance", None)  # what it knows needs no engine
    engine = admission.engine
    findings, failures = engine.findings, [EngineError("the engine is ill")]

    def unreliable(policy_input: bytes) -> Findings:
        if failures:
            raise failures.pop()
        return findings(policy_input)

    monkeypatch.setattr(engine, "findings", unreliable)

    review(services, push(registry.push({"compose.yaml": f"{CLEAN}    privileged: true\n"})))

    found = [(event.req_id, event.result.status.code) for event in events(services)]
    assert found == [("event-1", 403), ("event-1", 500)]


def test_a_push_is_not_decided_again_after_its_process_was_killed(
    services: Services, registry: RegistryServer
) -> None:
    """The decision was recorded, with an exception, and the process killed before the push was."""
    digest = registry.push({"compose.yaml": CLEAN})
    allowed = Decision(
        "event-1", True, Status(200, "OK", ""), decision_id="d",
        exempted=(Exempted("p", "c", "deny", "low", "m", "r"),),
    )  # fmt: skip
    source = Source(repository="hub/demo/simple", commit=digest)
    services.audit.append_decision(Review("event-1", "registry", NOW - 1, source=source), allowed)

    assert review(services, push(digest))[0]["event"] == "push already decided"
    review(services, push(digest, "event-2"))

    assert [event.req_id for event in events(services)] == ["event-2", ""]


def test_a_closed_queue_takes_no_push(services: Services) -> None:
    reviews = PushReviews(services)
    reviews.close()

    assert reviews.offer("hub", [push("sha256:" + "0" * 64)]) is False


def test_a_password_that_cannot_be_read_is_an_error_of_the_configuration(
    services: Services, tmp_path: Path
) -> None:
    hub = msgspec.structs.replace(
        services.settings.registries["hub"], username="u", password_file=str(tmp_path / "none")
    )

    with pytest.raises(ConfigError):
        PushReviews(replace(services, settings=Settings(registries={"hub": hub})))


def project(writable: WritableRegistry, text: str = CLEAN) -> str:
    """Hold an artifact with this project, and return its digest."""
    content = text.encode()
    digest = digest_of(content)
    writable.blobs[digest] = content
    layer = {
        "mediaType": "application/vnd.docker.compose.file+yaml",
        "digest": digest,
        "size": len(content),
        "annotations": {"com.docker.compose.file": "compose.yaml"},
    }
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "", "size": 2}
    kind = "application/vnd.docker.compose.project"
    return writable.hold({"artifactType": kind, "config": empty, "layers": [layer]})


def with_receipts(services: Services, url: str, key: Path) -> Services:
    hub = Registry(url=url, insecure=True, hook_sha256="0" * 64, attach_receipts=True)
    settings = Settings(
        registries={"hub": hub}, receipt_key_file=str(key), audit_origin="policyd.example/log"
    )
    return Services(settings, services.rules, services.store, lambda: NOW)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_text(PEM)
    path.chmod(0o600)
    return path


def test_the_receipt_of_a_push_is_attached_to_the_artifact(services: Services, key: Path) -> None:
    with writable_registry() as writable:
        attaching = with_receipts(services, writable.url, key)
        digest = project(writable)
        one = Push("event-1", "demo/app", digest, "1.0", "ci")

        logged = review(attaching, one)

        (event,) = events(attaching)
        (said,) = [line for line in logged if line["event"] == "receipt attached"]
        manifest = writable.document(said["manifest"])
        assert manifest["subject"]["digest"] == digest
        content = writable.blobs[manifest["layers"][0]["digest"]]
        found = verified(content, [KEY.public], now=NOW).admission
        assert (found.decision_id, found.source.commit) == (event.decision_id, digest)
        assert (found.operation, found.grants) == ("CHECK", ())


def test_a_receipt_that_cannot_be_attached_leaves_the_decision(
    services: Services, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writable_registry() as writable:
        attaching = with_receipts(services, writable.url, key)
        writable.upload_url = "http://elsewhere.example/"
        one = Push("event-1", "demo/app", project(writable), "1.0", "ci")
        monkeypatch.setattr(push_queue, "RETRY_SECONDS", (0.0,))

        logged = review(attaching, one)

        assert [event.result.allowed for event in events(attaching)] == [True]
        assert [line["event"] for line in logged if line["log_level"] == "error"] == [
            "verdict not shown in the registry"
        ]


def test_attaching_needs_a_key(services: Services, key: Path) -> None:
    attaching = with_receipts(services, "http://127.0.0.1:1", key)
    settings = msgspec.structs.replace(attaching.settings, receipt_key_file="")

    with pytest.raises(ConfigError) as raised:
        PushReviews(Services(settings, services.rules, services.store))

    assert str(raised.value) == (
        "registries.hub.attach_receipts needs the setting receipt_key_file"
    )


def test_a_denied_artifact_is_deleted_where_the_settings_say_so(
    deciding: Services, store: Store, registry: RegistryServer
) -> None:
    hub = Registry(
        url=f"http://{registry.host}", insecure=True, hook_sha256="0" * 64, on_denied="delete"
    )
    deleting = Services(Settings(registries={"hub": hub}), deciding.rules, store, lambda: NOW)
    allowed = registry.push({"compose.yaml": CLEAN})
    denied = registry.push({"compose.yaml": CLEAN + "    privileged: true\n"})
    invalid = registry.push({"compose.yaml": "services: 1\n"})

    review(deleting, push(allowed, "1"), push(denied, "2"), push(invalid, "3"))

    asked = [path for path, _ in registry.seen if path.startswith("DELETE")]
    assert asked == [
        f"DELETE /v2/demo/simple/manifests/{denied}",
        f"DELETE /v2/demo/simple/manifests/{invalid}",
    ]
