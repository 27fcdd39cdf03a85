"""Decisions that wait on disk until the audit log can be written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from policyd.audit.deferred import DeferredDecisions
from policyd.audit.event import event_of
from policyd.audit.store import Store
from policyd.errors import AuditError, Unrecordable
from policyd.model import RecordedInput
from tests.support.held import granted
from tests.unit.audit.conftest import pair


@pytest.fixture
def deferred(tmp_path: Path) -> DeferredDecisions:
    return DeferredDecisions(tmp_path / "waiting")


def states(store: Store) -> list[tuple[str, str]]:
    return [(one.decision_id, one.state) for one in store.grants()]


def test_what_waits_is_recorded_in_order_and_marked(
    deferred: DeferredDecisions, store: Store, tmp_path: Path
) -> None:
    later = pair("d2", seconds=7, allowed=False)
    first = pair("d1", seconds=5, grants=(granted("web"),))
    deferred.put(*later)
    deferred.put(*first, files=("compose.yaml",), requested_by="10.0.0.9", request_id="r-1")
    (one, _) = sorted((tmp_path / "waiting").glob("*.json"))

    assert deferred.waiting() == 2
    assert stat.S_IMODE(os.stat(one).st_mode) == 0o600
    assert DeferredDecisions(tmp_path / "waiting").record(store) == 2  # as after a restart
    assert deferred.waiting() == deferred.record(store) == 0
    newest, oldest = map(event_of, store.decisions())
    assert (oldest.decision_id, newest.decision_id) == ("d1", "d2")
    assert oldest.result.audit_annotations == {"deferred": "true"}
    assert (oldest.input.project.files, oldest.requested_by) == (("compose.yaml",), "10.0.0.9")
    assert oldest.input.review == first[0]
    assert states(store) == [("d1", "active")]
    assert store.verify().problems == ()


def test_a_decision_that_is_in_the_log_is_not_recorded_again(
    deferred: DeferredDecisions, store: Store
) -> None:
    deferred.put(*pair("d1"))
    store.append_decision(*pair("d1"))

    assert (deferred.record(store), deferred.waiting()) == (0, 0)
    assert len(store.decisions()) == 1


def test_it_moves_no_grants_after_a_later_decision_on_the_same_target(
    deferred: DeferredDecisions, store: Store
) -> None:
    deferred.put(*pair("d1", seconds=5, grants=(granted("web"),)))
    deferred.put(*pair("gone", seconds=6, operation="DELETE"))
    store.append_decision(*pair("d2", seconds=9, grants=(granted("api"),)))

    assert deferred.record(store) == 2
    assert states(store) == [("d2", "active")]
    assert event_of(store.decision("d1")).result.audit_annotations["superseded"] == "true"
    assert store.verify().problems == ()


def test_a_later_check_or_another_target_does_not_supersede_it(
    deferred: DeferredDecisions, store: Store
) -> None:
    deferred.put(*pair("d1", seconds=5, grants=(granted("web"),)))
    store.append_decision(*pair("d2", seconds=9, operation="CHECK"))
    store.append_decision(*pair("d3", seconds=9, project="other", grants=()))

    deferred.record(store)
    assert states(store) == [("d1", "active")]


def test_the_folder_is_bounded(tmp_path: Path) -> None:
    few = DeferredDecisions(tmp_path / "few", most=1)
    small = DeferredDecisions(tmp_path / "small", most_bytes=1)
    for folder in (few, small):
        folder.put(*pair("d1"))
        with pytest.raises(AuditError, match="is full of decisions that wait"):
            folder.put(*pair("d2"))
        assert folder.waiting() == 1


def test_a_folder_that_cannot_be_written_defers_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    deferred = DeferredDecisions(tmp_path / "file")

    with pytest.raises(AuditError, match="the decision cannot be deferred in "):
        deferred.put(*pair("d1"))
    assert deferred.waiting() == 0


def test_what_no_log_can_hold_is_not_deferred(deferred: DeferredDecisions) -> None:
    with pytest.raises(Unrecordable):
        deferred.put(*pair("d1", project="a\0b"))
    assert deferred.waiting() == 0


def test_a_malformed_file_is_set_aside(
    deferred: DeferredDecisions, store: Store, tmp_path: Path
) -> None:
    deferred.put(*pair("d1"))
    (tmp_path / "waiting" / "0.json").write_text('{"review": 1}')

    assert deferred.record(store) == 1
    assert (tmp_path / "waiting" / "0.malformed").exists()
    assert deferred.waiting() == 0


def test_the_input_of_a_decision_is_recorded_with_it(
    deferred: DeferredDecisions, store: Store
) -> None:
    kept = RecordedInput("sha256:" + "a" * 64, b"\x28\xb5content")
    deferred.put(*pair("d1"), recorded_input=kept)

    deferred.record(store)
    assert event_of(store.decision("d1")).input.project.input == kept.digest
