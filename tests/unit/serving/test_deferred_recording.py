from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from policyd.audit.deferred import DeferredDecisions
from policyd.audit.store import Store, open_store
from policyd.config import Settings
from policyd.services import Services
from policyd.serving import deferred_recording
from policyd.serving.deferred_recording import DeferredRecording
from tests.conftest import wait_until
from tests.unit.audit.conftest import pair


@pytest.fixture
def store(tmp_path: Path, empty_log: Path) -> Iterator[Store]:
    opened = open_store(str(shutil.copy(empty_log, tmp_path / "audit.db")))
    yield opened
    opened.close()


@pytest.fixture
def services(store: Store, tmp_path: Path) -> Services:
    """Services that only record: they have no policy set."""
    return Services(Settings(), None, store, deferred=DeferredDecisions(tmp_path / "waiting"))


def test_what_waits_is_recorded_in_the_background(
    services: Services, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deferred_recording, "LOOK_SECONDS", 0.01)
    recording = DeferredRecording(services)
    recording.start()

    services.deferred.put(*pair("d1"))
    wait_until(lambda: not services.deferred.waiting())
    recording.close()
    assert store.decision("d1").sequence == 1


def test_a_log_that_cannot_be_written_is_reported_once(services: Services, tmp_path: Path) -> None:
    recording = DeferredRecording(services)
    services.deferred.put(*pair("d1"))
    (tmp_path / "audit.db").rename(tmp_path / "away")

    with capture_logs() as logs:
        recording.record()
        recording.record()
        (tmp_path / "away").rename(tmp_path / "audit.db")
        recording.record()

    assert [(entry["event"], entry.get("number")) for entry in logs] == [
        ("deferred decisions not recorded", None),
        ("deferred decisions recorded", 1),
    ]


def test_without_a_folder_there_is_nothing_to_do(store: Store) -> None:
    recording = DeferredRecording(Services(Settings(), None, store))
    recording.start()
    recording.record()
    recording.close()
