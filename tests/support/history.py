"""A made-up history of five teams on three GPU hosts, recorded by the service itself.

    store = record(folder)  # a quarter; record(folder, **SMALL) takes two weeks

In: a folder, and when the history ends. Out: an audit log with decisions, grants, revocations and
pushes, a signed checkpoint, the policy set and the settings, all in that folder. The same arguments
always record the same. `make demo-console`, tests of the console and its screenshots use it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import Engine, event

from policyd.admission import Admission
from policyd.audit import checkpoints
from policyd.audit.event import rfc3339
from policyd.audit.pushes import Pushes
from policyd.audit.store import Store, open_store
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.decision_cache import DecisionCache, Kept
from policyd.engines.embedded import EmbeddedEngine
from policyd.hooks.events import Push
from policyd.model import Bundle, Caller, Decision, RecordedInput, Review, Source, UserInfo
from policyd.policies.exceptions import DAY
from policyd.policies.policy_set import PolicySet, load_policy_set
from policyd.policies.relevance import Relevance
from policyd.services import FixedRules, Services
from policyd.serving.service_events import ServiceEvents
from tests.support.history_plan import Request, compose_file, plan
from tests.support.history_rules import LEASE_DAYS, write_rules

END: Final = datetime(2026, 6, 30, 16, tzinfo=UTC)
"""When the history ends, unless it is said otherwise: a Tuesday."""
ORIGIN: Final = "policyd.acme.example/log"
SMALL: Final[dict[str, Any]] = {"days": 14, "reviews": 200}
_ONE_POLICY_SET: Final = 30
"""Days of the longest history under one policy set: loading another takes a third of a second."""
_MINUTE: Final = 60 * 1_000_000_000
_SETTINGS: Final = f"""\
audit = "audit.db"
audit_key_file = "audit-key.pem"
audit_origin = "{ORIGIN}"
policy_set = "rules"
"""


class History(NamedTuple):
    """A recorded history: its folder, and its end in nanoseconds since the epoch."""

    folder: Path
    now: int
    decisions: int

    @property
    def audit(self) -> str:
        """The path of the audit log."""
        return str(self.folder / "audit.db")

    @property
    def rules(self) -> Path:
        """The folder of the policy set that is in force at the end."""
        return self.folder / "rules"


def record(folder: Path, *, end: datetime = END, days: int = 92, reviews: int = 3_000) -> History:
    """Record about `reviews` decisions of the `days` before `end` in the empty `folder`."""
    (folder / "policyd.toml").write_text(_SETTINGS)
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "audit-key.pem").touch(mode=0o600)
    (folder / "audit-key.pem").write_bytes(pem)
    requests = plan(end, days, reviews)
    with _without_waiting_for_the_disk():
        store = open_store(str(folder / "audit.db"))
        try:
            _record(_Recorder(folder, store, end), requests, changes=days > _ONE_POLICY_SET)
            _report_pushes(Pushes(store), _nanoseconds(end))
            signer = checkpoints.load_signer(str(folder / "audit-key.pem"), ORIGIN)
            with store.database.writing() as connection:
                checkpoints.sign(connection, signer, rfc3339(_nanoseconds(end)))
        finally:
            store.close()
    return History(folder, _nanoseconds(end), len(requests))


class _Cache(DecisionCache):
    """Repeats decisions as long as the same exceptions are in force: evaluating takes most time.

    Leases are renewed. That of the service keeps no decisions with leases or exceptions for long.
    """

    def __init__(self) -> None:
        super().__init__(0)
        self._decisions: dict[bytes, Kept] = {}

    def key(self, policy_set: PolicySet, bundle: Bundle, review: Review) -> bytes | None:
        in_force = [one.name for one in policy_set.exceptions if one.state(review.now) == "active"]
        # The policy set of the history reads neither who asks nor where and for what.
        asked = msgspec.structs.replace(
            review, operation="UPDATE", enforcement_point="ci", user_info=UserInfo()
        )
        own = super().key(policy_set, bundle, asked)
        return own and own + repr(in_force).encode()

    def find(self, key: bytes, now: int) -> Kept | None:
        kept = self._decisions.get(key)
        if kept is None:
            return None
        until = rfc3339(now + LEASE_DAYS * DAY)
        grants = tuple(
            msgspec.structs.replace(grant, expires=until if grant.expires else "")
            for grant in kept.decision.grants
        )
        return msgspec.structs.replace(
            kept,
            decision=msgspec.structs.replace(kept.decision, grants=grants),
            recorded=msgspec.structs.replace(kept.recorded, grants=grants),
        )

    def keep(
        self,
        key: bytes,
        policy_set: PolicySet,
        review: Review,
        decision: Decision,
        recorded: Decision,
        files: tuple[str, ...],
        recorded_input: RecordedInput | None = None,
    ) -> None:
        self._decisions[key] = Kept(decision, recorded, files, recorded_input, 0, 0)


class _Recorder:
    """The service at a time that is set, under the policy set of that time."""

    def __init__(self, folder: Path, store: Store, end: datetime) -> None:
        self.folder = folder
        self.store = store
        self.end = end
        self.now = 0
        self._ids = map("{:08x}-0000-4000-8000-000000000000".format, itertools.count(1))
        self._cache = _Cache()
        self._settings = Settings(audit=str(folder / "audit.db"))
        self._services: Services | None = None
        self.events = ServiceEvents(self._settings.audit, lambda: self.now)

    def put_in_force(self, *, later: bool) -> PolicySet:
        self.close()
        rules = load_policy_set(write_rules(self.folder / "rules", self.end, later=later))
        engine = EmbeddedEngine(rules.modules, rules.data)
        admission = Admission(engine, rules, lambda: next(self._ids), Relevance(rules))
        self._services = Services(
            self._settings, FixedRules(admission), self.store, lambda: self.now, cache=self._cache
        )
        return rules

    def ask(self, request: Request) -> None:
        assert self._services
        project = request.project
        team, _, name = project.repository.partition("/")
        review = Review(
            uid=f"{request.point}-{request.commit[:12]}-{request.operation.lower()}",
            enforcement_point=request.point,
            now=self.now,
            operation=request.operation,
            user_info=UserInfo(request.user, (team,)),
            source=Source(
                project.repository,
                "refs/heads/main",
                request.commit,
                request.place.environment,
                request.place.host,
            ),
        )
        self._services.decide(
            memory_bundle({"compose.yaml": compose_file(request).encode()}, project_name=name),
            review,
            requested_by="10.0.0.9",
            request_id=f"r-{request.commit[:8]}",
            caller=Caller(owner=request.point),
        )

    def close(self) -> None:
        if self._services:
            self._services.rules.admissions()[0].engine.close()


def _record(recorder: _Recorder, requests: list[Request], *, changes: bool) -> None:
    """Record the `requests`; twice a grant is revoked.

    With `changes`, another policy set comes into force in the middle.
    """
    middle = len(requests) // 2
    revocations = (len(requests) // 3, 2 * len(requests) // 3)
    recorder.now = _nanoseconds(requests[0].time - timedelta(minutes=1))
    recorder.events.started(recorder.put_in_force(later=not changes))
    for number, request in enumerate(requests):
        recorder.now = _nanoseconds(request.time)
        if number == middle and changes:
            recorder.events.put_in_force(recorder.put_in_force(later=True))
        if number in revocations:
            held = recorder.store.grants(now=recorder.now, repository="ml/train")
            recorder.store.revoke(
                held[:1], now=recorder.now, actor="olga", reason="the run has ended"
            )
        recorder.ask(request)
    recorder.now = _nanoseconds(recorder.end)
    recorder.close()


def _report_pushes(pushes: Pushes, end: int) -> None:
    """Store pushes of the last day: most are reviewed, two failed, some wait."""
    teams = ("ml/train", "ml/serving", "vision/detector", "speech/asr", "research/llm")
    for number in range(24):
        when = end - (24 - number) * 50 * _MINUTE
        push = Push(
            f"event-{number:03}", f"projects/{teams[number % 5]}", f"sha256:{number:064x}",
            f"v1.{number}", "robot$ci",
        )  # fmt: skip
        registry = "harbor" if number % 3 else "forge/gitea"
        pushes.add(registry, "registry.acme.example/", [push], when)
        if number >= 21:
            continue
        (claimed,) = pushes.claim(registry, 1, when, when + _MINUTE)
        if number in (9, 17):
            pushes.fail(claimed.number, "the registry answered 404: manifest unknown", when)
        elif number == 20:
            error = "the registry did not answer within 10 seconds"
            pushes.postpone(claimed.number, error, end + 5 * _MINUTE)
        else:
            pushes.finish(claimed.number, when)


@contextmanager
def _without_waiting_for_the_disk() -> Iterator[None]:
    """Open databases whose commits do not wait for the disk: nobody needs the log after a crash."""

    def relax(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", relax)


def _nanoseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000) * 1_000_000
