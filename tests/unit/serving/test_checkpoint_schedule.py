from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from structlog.testing import capture_logs

from policyd.audit.checkpoint_copies import checkpoints_in
from policyd.audit.store import open_store
from policyd.config import Settings
from policyd.publication_settings import CheckpointCopy
from policyd.serving.checkpoint_schedule import CheckpointSchedule
from policyd.transparency.checkpoint import open_checkpoint
from tests.conftest import Webhook
from tests.support.ledger import ORIGIN, SIGNER
from tests.unit.audit.conftest import NOON, pair


@pytest.fixture
def settings(tmp_path: Path, empty_log: Path) -> Settings:
    key = tmp_path / "key.pem"
    key.touch(mode=0o600)
    key.write_bytes(
        SIGNER._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return Settings(
        audit=str(shutil.copy(empty_log, tmp_path / "log.db")),
        audit_key_file=str(key),
        audit_origin=ORIGIN,
        checkpoint_interval=86_400,
        checkpoint_copies={"disk": CheckpointCopy(file=str(tmp_path / "kept"))},
    )


@pytest.fixture
def in_force(settings: Settings) -> list[Settings]:
    """The settings that are in force: the last."""
    return [settings]


@pytest.fixture
def schedule(in_force: list[Settings]) -> Iterator[CheckpointSchedule]:
    made = CheckpointSchedule(lambda: in_force[-1], lambda: NOON)
    yield made
    made.stop()


def decide(settings: Settings, name: str) -> None:
    store = open_store(settings.audit)
    store.append_decision(*pair(name, project=name))
    store.close()


def kinds(settings: Settings) -> list[str]:
    store = open_store(settings.audit)
    found = [record.kind for record in store.events()]
    store.close()
    return found


def sizes(tmp_path: Path) -> list[int]:
    notes = checkpoints_in((tmp_path / "kept").read_text(), ORIGIN)
    return [open_checkpoint(note, ORIGIN, [SIGNER.verifier])[0].size for note in notes]


def test_checkpoints_are_published_from_the_start_to_the_stop(
    settings: Settings, schedule: CheckpointSchedule, tmp_path: Path, until: Callable[..., None]
) -> None:
    decide(settings, "d1")
    schedule.start()
    until(lambda: (tmp_path / "kept").exists() and kinds(settings) == ["checkpoint", "decision"])
    decide(settings, "d2")
    schedule.stop()

    assert sizes(tmp_path) == [1, 3]


def test_a_failure_is_logged_and_tried_again(
    settings: Settings, in_force: list[Settings], schedule: CheckpointSchedule, tmp_path: Path
) -> None:
    decide(settings, "d1")
    nowhere = str(tmp_path / "none" / "kept")
    broken = {"disk": CheckpointCopy(file=nowhere)}
    in_force.append(msgspec.structs.replace(settings, checkpoint_copies=broken))
    with capture_logs() as logged:
        schedule.publish(5)
        in_force.append(msgspec.structs.replace(settings, audit_key_file="none"))
        schedule.publish(5)
        in_force.append(settings)
        schedule.publish(5)

    assert [(one["event"], one.get("reason")) for one in logged] == [
        (
            "checkpoint not delivered",
            f"{nowhere}: cannot be written: No such file or directory",
        ),
        (
            "checkpoint not published",
            "audit_key_file: cannot read none: No such file or directory",
        ),
        ("checkpoint delivered", None),
    ]
    assert sizes(tmp_path) == [1]


@pytest.mark.parametrize("off", [{"audit_key_file": ""}, {"checkpoint_interval": 0}])
def test_without_a_key_or_an_interval_nothing_is_published(
    settings: Settings,
    in_force: list[Settings],
    schedule: CheckpointSchedule,
    tmp_path: Path,
    off: dict[str, object],
) -> None:
    decide(settings, "d1")
    in_force.append(msgspec.structs.replace(settings, **off))
    schedule.publish(5)

    assert not (tmp_path / "kept").exists()


@pytest.mark.slow
def test_a_server_publishes_counts_and_ends_with_a_last_checkpoint(
    settings: Settings,
    tmp_path: Path,
    start_webhook: Callable[..., Webhook],
    until: Callable[..., None],
) -> None:
    webhook = start_webhook(
        workers=1,
        audit_key_file=settings.audit_key_file,
        audit_origin=ORIGIN,
        checkpoint_copies={
            "disk": {"file": str(tmp_path / "kept")},
            "broken": {"file": str(tmp_path / "none" / "kept")},
        },
    )
    until(lambda: (tmp_path / "kept").exists() and bool(sizes(tmp_path)))
    metrics = requests.get(f"{webhook.url}/metrics").text
    assert webhook.stop() == 0

    deliveries = "policyd_checkpoint_deliveries_total"
    name = "checkpoint_copies"
    assert f'{deliveries}{{result="success",target="{name}.disk"}} 1.0' in metrics
    assert f'{deliveries}{{result="failure",target="{name}.broken"}} 1.0' in metrics
    store = open_store(webhook.audit)
    kinds = [record.kind for record in store.events()][::-1]
    report = store.verify()
    store.close()
    assert kinds == ["start", "policy-set", "checkpoint", "stop", "checkpoint"]
    assert sizes(tmp_path) == [2, 4]
    assert report.ok
