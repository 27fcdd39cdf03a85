from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from policyd.audit.log_event import KINDS, LogEvent, log_event_of
from policyd.audit.store import open_store
from policyd.errors import AuditError
from policyd.policies.policy_set import PolicySet, load_policy_set
from policyd.policies.recorded_policy_set import read_content
from policyd.serving.service_events import ServiceEvents
from tests.unit.audit.conftest import NOON

SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def policy_set() -> PolicySet:
    return load_policy_set()


@pytest.fixture
def audit(tmp_path: Path, empty_log: Path) -> str:
    return str(shutil.copy(empty_log, tmp_path / "log.db"))


@pytest.fixture
def service(audit: str) -> ServiceEvents:
    seconds = count()
    return ServiceEvents(audit, lambda: NOON + next(seconds) * SECOND)


def recorded(audit: str) -> Iterator[LogEvent]:
    store = open_store(audit)
    assert store.verify().ok
    found = [log_event_of(record) for record in store.events(kinds=KINDS)]
    store.close()
    return reversed(found)


def test_start_rules_settings_and_end_are_recorded(
    service: ServiceEvents, audit: str, policy_set: PolicySet
) -> None:
    other = msgspec.structs.replace(policy_set, name="other", revision="sha256:other")
    service.started(policy_set)
    service.put_in_force(policy_set)
    service.put_in_force(other)
    service.changed_settings(["tokens.ci: changed"])
    service.stopped()
    service.started(other)

    assert [(event.kind, event.details.get("revision")) for event in recorded(audit)] == [
        ("start", policy_set.revision),
        ("policy-set", policy_set.revision),
        ("policy-set", "sha256:other"),
        ("settings", None),
        ("stop", None),
        ("start", "sha256:other"),
    ]
    assert [event.details for event in recorded(audit) if event.kind == "settings"] == [
        {"changed": ["tokens.ci: changed"]}
    ]


def test_the_whole_text_of_a_policy_set_can_be_read(
    service: ServiceEvents, audit: str, policy_set: PolicySet
) -> None:
    service.put_in_force(policy_set)

    (event,) = recorded(audit)
    store = open_store(audit)
    found = read_content(store.document(event.details["document"]))
    store.close()
    assert (found.name, found.revision) == (policy_set.name, policy_set.revision)
    assert found.modules == policy_set.modules
    assert found.data == json.loads(json.dumps(policy_set.data))
    assert [one["name"] for one in found.constraints] == [
        one.name for one in policy_set.constraints
    ]
    assert found.policies["no-all-gpus"] == policy_set.policies["no-all-gpus"].module


def test_an_audit_log_that_cannot_be_written_ends_nothing(
    tmp_path: Path, policy_set: PolicySet
) -> None:
    service = ServiceEvents(str(tmp_path))

    with capture_logs() as lines:
        service.started(policy_set)

    assert [line["event"] for line in lines] == ["event not recorded", "event not recorded"]


def test_other_bytes_are_no_policy_set() -> None:
    with pytest.raises(AuditError, match=r"^the recorded policy set is malformed: "):
        read_content(b"{}")
