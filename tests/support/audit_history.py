"""A made-up quarter of an audit log, recorded by the service itself under a clock that is set.

In: a folder. Out: an audit log, its key and settings, a checkpoint of the last day, in that folder.
Teams deploy every week on two hosts; there are a change of the policy set, exceptions, tokens, a
revoked grant and denials. docs/audit.md answers the questions of an auditor about it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from policyd.admission import Admission
from policyd.audit import checkpoints
from policyd.audit.event import rfc3339
from policyd.audit.store import Store, open_store
from policyd.audit.token_record import Permissions
from policyd.audit.tokens import Tokens
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.engines.embedded import EmbeddedEngine
from policyd.model import Operation, Review, Source, UserInfo
from policyd.policies.policy_set import load_policy_set
from policyd.services import FixedRules, Services
from policyd.serving.service_events import ServiceEvents

BEGIN: Final = datetime(2026, 1, 5, 8, tzinfo=UTC)
"""The first Monday of the quarter, at eight."""

SETTINGS: Final = """\
audit = "audit.db"
audit_key_file = "audit-key.pem"
audit_origin = "policyd.acme.example/log"
policy_set = "rules"
"""
POLICY: Final = """\
# METADATA
# title: GPU without a ticket
# description: Who gets a GPU states the ticket in which it was approved.
# custom:
#   id: gpu-ticket
#   severity: medium
#   remediation: Add the label acme.example/ticket.
package policyd.policies.gpu_ticket

violation contains {"msg": msg, "service": w.service, "path": w.path} if {
	some w in input.workloads
	count(w.grants) > 0
	not w.labels["acme.example/ticket"]
	msg := sprintf("%s gets a GPU without a ticket", [w.title])
}
"""
POLICY_SET: Final = """\
apiVersion: policyd/v1
kind: PolicySet
metadata: {name: acme}
spec: {packs: [gpu, governance, own], data: [data.yaml]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: entitled}
spec: {policy: allowed-gpus, enforcementAction: deny}
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: llm-full-node}
spec:
  policies: [allowed-gpus]
  match: {repositories: [research/llm], hosts: [gpu-02]}
  starts: 2026-02-02T00:00:00Z
  expires: 2026-03-02T00:00:00Z
  owner: research
  reason: One training run on the whole node
  approvedBy: security@acme.example
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: tracker-on-gpu-3}
spec:
  policies: [allowed-gpus]
  match: {repositories: [vision/tracker], hosts: [gpu-01]}
  expires: 2026-04-15T00:00:00Z
  owner: vision
  reason: GPU 2 is being repaired
  approvedBy: ops@acme.example
"""
TICKET: Final = """\
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: ticket}
spec: {policy: gpu-ticket, enforcementAction: deny}
"""
DATA: Final = """\
policyd:
  inventory:
    hosts:
      gpu-01: {driver_version: '580', cuda_version: '13.0', gpus: [%s]}
      gpu-02: {driver_version: '580', cuda_version: '13.0', gpus: [%s]}
  entitlements:
    vision: {repositories: [vision/**], vendors: [nvidia], methods: [gpus], devices: ['0', '1']}
    speech: {repositories: [speech/**], vendors: [nvidia], methods: [gpus], devices: ['3']}
"""
DETECTOR: Final = ("vision/detector", "ana", ["0", "1"])
ASR: Final = ("speech/asr", "ben", ["3"])
TRACKER: Final = ("vision/tracker", "ana", ["3"])


class _History:
    """The service at a time that is set, under the policy set of that time."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder = folder
        self.store = store
        self.now = BEGIN
        self._ids = map("d-{}".format, itertools.count(1))
        self._services: Services | None = None
        self._settings = Settings(audit=str(folder / "audit.db"))

    @property
    def nanoseconds(self) -> int:
        return int(self.now.timestamp()) * 1_000_000_000

    @property
    def events(self) -> ServiceEvents:
        return ServiceEvents(self._settings.audit, lambda: self.nanoseconds)

    def put_in_force(self, text: str) -> Admission:
        self.close()
        (self.folder / "rules" / "policyset.yaml").write_text(text)
        rules = load_policy_set(self.folder / "rules")
        engine = EmbeddedEngine(rules.modules, rules.data)
        admission = Admission(engine, rules, lambda: next(self._ids))
        self._services = Services(
            self._settings, FixedRules(admission), self.store, lambda: self.nanoseconds
        )
        return admission

    def ask(
        self,
        project: tuple[str, str, Any],
        host: str = "gpu-01",
        operation: Operation = "CREATE",
        ticket: str = "GPU-7",
    ) -> None:
        """Review a project: its repository, who deploys it, and the GPUs of its service."""
        repository, user, devices = project
        name = repository.partition("/")[2]
        gpus = f"count: {devices}" if isinstance(devices, str) else f"device_ids: {devices}"
        text = f"""\
name: {name}
services:
  {name}:
    image: registry.acme.example/{repository}:1
    gpus: [{{driver: nvidia, capabilities: [gpu], {gpus}}}]
    labels: {{{f"acme.example/ticket: {ticket}" if ticket else ""}}}
"""
        review = Review(
            uid="",
            enforcement_point="ci",
            now=self.nanoseconds,
            operation=operation,
            user_info=UserInfo(user),
            source=Source(repository, "refs/heads/main", "c0ffee", "prod", host),
        )
        assert self._services
        self._services.decide(
            memory_bundle({"compose.yaml": text.encode()}, project_name=name), review
        )

    def close(self) -> None:
        if self._services:
            self._services.rules.admissions()[0].engine.close()


def record(folder: Path) -> None:
    """Write the history of the first quarter of 2026 into `folder`."""
    (folder / "policyd.toml").write_text(SETTINGS)
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "audit-key.pem").write_bytes(pem)
    (folder / "audit-key.pem").chmod(0o600)
    (folder / "rules" / "own").mkdir(parents=True)
    (folder / "rules" / "own" / "gpu_ticket.rego").write_text(POLICY)
    (folder / "rules" / "data.yaml").write_text(DATA % (_gpus(4), _gpus(4, "b")))
    store = open_store(str(folder / "audit.db"), input_days=0)
    history = _History(folder, store)
    _quarter(history)
    history.close()
    signer = checkpoints.load_signer(str(folder / "audit-key.pem"), "policyd.acme.example/log")
    with store.database.writing() as connection:
        note = checkpoints.sign(connection, signer, rfc3339(history.nanoseconds))
    (folder / "2026-03-31.checkpoint").write_text(note)
    (folder / "audit-key.pub").write_text(signer.verifier.vkey)
    store.close()


def _quarter(history: _History) -> None:
    tokens = Tokens(history.store)
    history.events.started(history.put_in_force(POLICY_SET).policy_set)
    ci = Permissions(owner="ci", scopes=("review",), repositories=("**",), speaks_for_users=True)
    tokens.create("ci-2026", ci, now=history.nanoseconds, actor="olga")
    for week in range(12):
        history.now = BEGIN + timedelta(weeks=week)
        _week(history, week)
    history.now = datetime(2026, 3, 30, 9, tzinfo=UTC)
    tokens.create("ci-2027", ci, now=history.nanoseconds, actor="olga")
    tokens.revoke("ci-2026", now=history.nanoseconds, actor="olga")
    history.events.changed_settings(["tokens"])


def _week(history: _History, week: int) -> None:
    history.ask(DETECTOR, operation="UPDATE" if week else "CREATE")
    for _ in _days(history, 4):
        history.ask(DETECTOR, operation="CHECK")
    if week in (1, 5):
        history.ask(ASR)
    if week in (3, 4):
        history.ask(("research/llm", "cem", "all"), "gpu-02")  # denied, then by exception
    if week == 6:
        (held,) = history.store.grants(host="gpu-02", now=history.nanoseconds)
        history.store.revoke(
            [held], now=history.nanoseconds, actor="olga", reason="the run has ended"
        )
    if week == 9:
        history.events.put_in_force(history.put_in_force(POLICY_SET + TICKET).policy_set)
    if week == 10:
        history.ask(ASR, operation="DELETE")
        history.now += timedelta(days=2)
        history.ask(TRACKER, ticket="")  # denied: it has no ticket
        history.ask(TRACKER, ticket="GPU-19")


def _days(history: _History, number: int) -> Iterator[None]:
    for _ in range(number):
        history.now += timedelta(days=1)
        yield


def _gpus(number: int, letter: str = "a") -> str:
    return ", ".join(f"{{index: {n}, uuid: GPU-{letter}{n}}}" for n in range(number))
