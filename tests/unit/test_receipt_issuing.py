"""Receipts as `POST /v1/review` returns them: of the recorded decision, and always the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from policyd.audit.event import event_of
from policyd.audit.store import open_store
from policyd.bootstrap import build
from policyd.config import Settings
from policyd.errors import ConfigError, ReceiptError
from policyd.receipts.envelope import Envelope
from policyd.receipts.verification import Receipt, receipt_text, verified
from policyd.services import Services
from policyd.web.app import create_app
from policyd.web.registry_notifications import PUSH_REVIEWS
from tests.support.receipts import KEY, PEM

ORIGIN = "policyd.acme.example/log"
COMPOSE = (
    "name: train\nservices:\n  web: {image: 'nginx:1.27'}\n"
    "  train:\n    image: acme/train:1\n    gpus: [{driver: nvidia, device_ids: ['0']}]\n"
)
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def deciding() -> Iterator[Services]:
    built = build(Settings())
    yield built
    built.close()


@pytest.fixture
def services(deciding: Services, empty_log: Path, tmp_path: Path) -> Iterator[Services]:
    """Services with an audit log, and a key in key.pem beside it."""
    key = tmp_path / "key.pem"
    key.write_text(PEM)
    key.chmod(0o600)
    store = open_store(str(shutil.copy(empty_log, tmp_path / "audit.db")))
    settings = Settings(
        audit=store.name, receipt_key_file=str(key), audit_origin=ORIGIN, receipt_lifetime=60
    )
    yield Services(settings, deciding.rules, store)
    store.close()


@pytest.fixture
def ask(services: Services) -> Iterator[Callable[..., Any]]:
    """A function that asks for a review, and returns the answer."""
    app = create_app(services)
    client = app.test_client()

    def post(files: dict[str, str] | None = None, **request: Any) -> Any:
        project = {"files": files or {"compose.yaml": COMPOSE}}
        request = {"project": project, "source": {"host": "gpu-01"}, **request}
        envelope = {"apiVersion": "policyd/v1", "kind": "ComposeReview", "request": request}
        return client.post("/v1/review", json=envelope).json

    yield post
    app.extensions[PUSH_REVIEWS].close()


def receipt_in(answer: Any, now: int) -> Receipt:
    envelopes = msgspec.convert(answer["receipt"], list[Envelope])
    return verified(receipt_text(envelopes), [KEY.public], now=now, host="gpu-01")


def test_a_review_returns_the_receipt_of_its_recorded_decision(ask, services: Services) -> None:
    answer = ask(source={"repository": "ml/train", "host": "gpu-01"})

    found = receipt_in(answer, services.clock()).admission
    record = services.audit.decision(answer["response"]["decisionId"])
    event = event_of(record)
    assert (found.decision_id, found.sequence, found.log) == (
        event.decision_id, record.sequence, ORIGIN,
    )  # fmt: skip
    assert (found.time, found.source) == (event.timestamp, event.input.review.source)
    assert (found.project, found.policy_set) == ("train", event.result.policy_set)
    assert [(one.name, one.replicas) for one in found.workloads] == [("train", 1), ("web", 1)]
    assert found.grants == event.granted
    assert [one.identities for one in found.grants] == [("0",)]
    with pytest.raises(ReceiptError, match="expired"):
        receipt_in(answer, services.clock() + 61 * SECOND)


def test_a_repeated_review_gets_the_same_receipt(ask) -> None:
    assert ask(uid="u-1")["receipt"] == ask(uid="u-1")["receipt"]


def test_a_denial_a_check_and_a_project_that_does_not_load_grant_nothing(ask, services) -> None:
    denied = ask({"compose.yaml": COMPOSE.replace("device_ids: ['0']", "count: all")})
    invalid = ask({"compose.yaml": "services: {web: {imag: nginx}}"})
    for answer in (denied, invalid):
        assert not answer["response"]["allowed"]
        with pytest.raises(ReceiptError, match="denied the project"):
            receipt_in(answer, services.clock())
    for request in ({"operation": "CHECK"}, {"dryRun": True}):
        receipt = receipt_in(ask(**request), services.clock())
        assert (receipt.admission.grants, len(receipt.admission.workloads)) == ((), 2)


def test_the_end_of_grants_has_no_receipt(ask) -> None:
    assert ask(operation="DELETE")["receipt"] == []


def test_without_a_key_there_is_no_receipt(services: Services) -> None:
    settings = msgspec.structs.replace(services.settings, receipt_key_file="")
    app = create_app(Services(settings, services.rules, services.store))

    answer = app.test_client().post(
        "/v1/review", data=COMPOSE, headers={"Content-Type": "application/yaml"}
    )

    assert answer.json["receipt"] == []
    app.extensions[PUSH_REVIEWS].close()


def test_a_service_with_an_unusable_key_does_not_start(services: Services, tmp_path: Path) -> None:
    def refused(**changes: Any) -> str:
        settings = msgspec.structs.replace(services.settings, **changes)
        with pytest.raises(ConfigError) as raised:
            create_app(Services(settings, services.rules, services.store))
        return str(raised.value)

    key = tmp_path / "key.pem"
    assert refused(audit_origin="") == (
        "audit_origin: receipts name the audit log of a decision; set it"
    )
    os.chmod(key, 0o644)
    assert refused() == (
        f"receipt_key_file: all users of this machine can read {key} (mode 0644); allow only its "
        "owner, with chmod 600, or also its group"
    )
    os.chmod(key, 0o600)
    key.write_text("text")
    assert refused() == (f"receipt_key_file: {key} is not a private key in PEM without a password")
    assert refused(receipt_key_file=f"{key}.missing") == (
        f"receipt_key_file: cannot read {key}.missing: No such file or directory"
    )
