"""Review the changes that the configured forges report, and tell the verdicts there.

In: events of deliveries. Out: recorded decisions on the projects that a change touches, and a
report at the forge. Events are stored in the database of the audit log before they are accepted.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec
import structlog

from policyd.audit.forge_comments import ForgeComments
from policyd.audit.pushes import SECOND, Pushes
from policyd.errors import AuditError, PolicydError
from policyd.forge_settings import ForgeSettings
from policyd.forges import FORGES
from policyd.forges.changed_lines import changed_lines
from policyd.forges.checkout import unpack
from policyd.forges.contract import Report, Settled
from policyd.forges.earlier_reviews import EarlierReviews
from policyd.forges.events import Change, ExceptionRequest, Reconciliation
from policyd.forges.exception_requests import exception_text
from policyd.forges.judging import Judging
from policyd.forges.reconciling import Reconciler
from policyd.forges.reporting import failed, located_files, report_of
from policyd.forges.tokens import token_source
from policyd.forges.transport import Gone, Transport
from policyd.hooks.events import Push
from policyd.model import to_json
from policyd.registry.push_queue import PushQueue, log_fields
from policyd.services import Services

SOURCE_PREFIX: Final = "forge/"
"""What precedes the name of a forge in the list of pushes."""

_PAGE: Final = "/console/decisions/"
_RECORD: Final = "/v1/decisions/"
"""Where the service shows a decision to people, and to programs."""

log = structlog.get_logger("policyd.forges")


class ForgeReviews:
    """The queues of changes that wait for their review, one for each configured forge.

    It also has lost deliveries looked for, at the start and at the interval of the settings.
    """

    def __init__(self, services: Services) -> None:
        """Raises ConfigError for a file with a token or a key that cannot be read."""
        self._forges = services.settings.forges
        self._clock = services.clock
        self._closing = threading.Event()
        self._searches: list[threading.Thread] = []
        self._queues: dict[str, PushQueue] = {}
        for name, forge in self._forges.items():
            transport = Transport(forge, token_source(forge, f"forges.{name}"))
            pushes = Pushes(services.audit)
            source = SOURCE_PREFIX + name
            reviewer = Reviewer(
                services,
                name,
                forge,
                transport,
                Reconciler(forge, source, pushes, transport),
                partial(self.offer, name),
            )
            self._queues[name] = PushQueue(
                source,
                pushes,
                reviewer.review,
                reviewer.give_up,
                services.clock,
            )

    def start(self) -> None:
        """Review the changes that are stored, and those that will be."""
        for queue in self._queues.values():
            queue.start()
        if not self._searches:
            for name, forge in self._forges.items():
                if forge.poll_interval:
                    self._search(name, forge.poll_interval)

    def _search(self, name: str, seconds: int) -> None:
        """Have lost deliveries looked for, by one of the processes that share the database."""

        def search() -> None:
            while not self._closing.is_set():
                try:
                    self.offer(name, Reconciliation(self._clock() // (seconds * SECOND)))
                except AuditError as error:
                    log.error("search not stored", forge=name, reason=str(error))
                self._closing.wait(seconds)

        self._searches.append(threading.Thread(target=search, name="policyd-forge", daemon=True))
        self._searches[-1].start()

    def offer(self, name: str, event: Change | ExceptionRequest | Reconciliation) -> bool:
        """Store `event` of the forge `name`. Return False if too many wait. Raises AuditError."""
        return self._queues[name].offer(self._forges[name].prefix, [push_of(event)])

    def close(self) -> None:
        """Finish running reviews within a limited time, and leave the others to the next start."""
        self._closing.set()
        for queue in self._queues.values():
            queue.close()


def push_of(event: Change | ExceptionRequest | Reconciliation) -> Push:
    """Return `event` as the queue stores it."""
    detail = to_json(event).decode()
    if isinstance(event, Reconciliation):
        return Push(event.delivery, "", "", detail=detail)
    ref = event.ref if isinstance(event, Change) else ""
    return Push(
        event_id=event.delivery,
        repository=event.repository,
        digest=event.commit,
        tag=ref,
        actor=event.actor,
        detail=detail,
    )


class _Detail(msgspec.Struct, frozen=True):
    check_run: int = 0
    period: int = 0


def event_in(push: Push) -> Change | ExceptionRequest | Reconciliation:
    """Return the event that `push` stores."""
    detail = push.detail.encode()
    found = msgspec.json.decode(detail, type=_Detail)
    if found.period:
        return Reconciliation(found.period)
    if found.check_run:
        return msgspec.json.decode(detail, type=ExceptionRequest)
    return msgspec.json.decode(detail, type=Change)


class Reviewer:
    """Reviews the changes of the forge `name`."""

    def __init__(
        self,
        services: Services,
        name: str,
        forge: ForgeSettings,
        transport: Transport,
        reconciler: Reconciler,
        offer: Callable[[Change], bool],
    ) -> None:
        """`offer` stores a change that `reconciler` finds."""
        self._services = services
        self._name = name
        self._forge = forge
        self._adapter = FORGES[forge.kind]
        self._transport = transport
        self._judging = Judging(services, name, forge)
        self._reconciler = reconciler
        self._offer = offer
        self._comments = ForgeComments(services.audit)
        self._pushes = Pushes(services.audit)
        self._earlier = EarlierReviews(services.audit, SOURCE_PREFIX + name, forge.prefix)

    def review(self, push: Push) -> None:
        """Fetch, evaluate, record and report a change.

        Raises ForgeError, AuditError, and EngineError where the engine failed.
        """
        event = event_in(push)
        if isinstance(event, ExceptionRequest):
            self._answer(event)
            return
        if isinstance(event, Reconciliation):
            for change in self._reconciler.lost():
                log.info("lost change found", commit=change.commit, number=change.number)
                self._offer(change)
            return
        change = self._with_base(event)
        with tempfile.TemporaryDirectory(prefix="policyd-forge-") as folder:
            base = self._base_files(change, Path(folder))
            head = self._files(change, change.commit, Path(folder))
            denied = self._earlier.denied(change)
            touched = self._judging.touched(change, head, base, denied)
            changed = changed_lines(base, head, located_files(touched))
        report = report_of(touched, changed, self._link)
        if others := self._earlier.failed(change):
            problem = "another pull request has this commit, and its review failed"
            report = failed(f"{problem}: {others[0].error}")
        self._tell(change, report)
        if others:  # their reports replace this one
            self._pushes.retry(
                self._services.clock(),
                registry=SOURCE_PREFIX + self._name,
                event_ids=[one.event_id for one in others],
            )

    def give_up(self, push: Push, error: PolicydError) -> None:
        """Report that the change could not be reviewed: it is not allowed."""
        log.error("change not reviewed", reason=error.masked, **log_fields(push))
        event = event_in(push)
        if isinstance(event, Change):
            try:
                self._tell(event, failed(error.masked))
            except PolicydError as unreported:
                log.error("verdict not reported", reason=unreported.masked, **log_fields(push))

    # --- the two ends of a change ----------------------------------------------------------------

    def _with_base(self, change: Change) -> Change:
        """Return `change` with the base of its pull request, if the delivery did not state it."""
        call = self._adapter.pull_request(change)
        if change.base or call is None:
            return change
        ends = self._adapter.ends(self._transport.send(call, change.installation))
        return msgspec.structs.replace(change, base=ends.base)

    def _files(self, change: Change, commit: str, folder: Path) -> str:
        """Fetch the files of `commit` into a new folder in `folder`, and return its path."""
        # Compose names a project after its folder, which is called like the repository.
        target = folder / quote(commit, "") / change.repository.rpartition("/")[2]
        target.mkdir(parents=True)
        with tempfile.TemporaryFile(dir=folder) as archive:
            call = self._adapter.archive(change, commit)
            self._transport.unpack(call, archive, change.installation)
            unpack(archive, str(target))
        return str(target)

    def _base_files(self, change: Change, folder: Path) -> str:
        """Return the folder with the files of the base, "" if there is none."""
        base = change.base or change.base_branch
        try:
            return self._files(change, base, folder) if base else ""
        except Gone:
            return ""  # after a force push the base may be gone

    # --- what is told ----------------------------------------------------------------------------

    @property
    def _link(self) -> str:
        """What precedes the id of a decision in its URL, "" for no links."""
        settings = self._services.settings
        if self._forge.report_url or not settings.public_url:
            return self._forge.report_url
        return settings.public_url.rstrip("/") + (_PAGE if settings.console else _RECORD)

    def _tell(self, change: Change, report: Report) -> None:
        """Show `report` on the commit, and on the pull request if that is its present head."""
        run = b""
        for call in self._adapter.status(change, report, is_app=bool(self._forge.app_id)):
            if "{id}" in call.path:
                number = msgspec.json.decode(run, type=_Numbered).id
                call = msgspec.structs.replace(call, path=call.path.replace("{id}", str(number)))
                self._transport.send(call, change.installation)
            else:
                run = self._transport.send(call, change.installation)
        if not change.number or not self._adapter.comment(change, report, Settled()):
            return
        key = (self._name, change.repository_id, change.number)
        # A newer head is not reported between the check and the comment, and one comment is made.
        with self._comments.turn(*key):
            if self._is_head(change):
                self._comment(change, report, key)
            else:
                log.info("a newer commit is reported", commit=change.commit, number=change.number)

    def _is_head(self, change: Change) -> bool:
        call = self._adapter.pull_request(change)
        assert call is not None
        answer = self._transport.send(call, change.installation)
        return self._adapter.ends(answer).head == change.commit

    def _comment(self, change: Change, report: Report, key: tuple[str, int, int]) -> None:
        known = self._comments.find(*key)
        try:
            self._send_comment(change, report, Settled(known), key)
        except Gone:
            if not known:
                raise
            self._send_comment(change, report, Settled(), key)  # somebody deleted the comment

    def _send_comment(
        self, change: Change, report: Report, settled: Settled, key: tuple[str, int, int]
    ) -> None:
        call = self._adapter.comment(change, report, settled)
        assert call is not None
        answer = self._transport.send(call, change.installation)
        if not settled.comment:
            self._comments.keep(*key, msgspec.json.decode(answer, type=_Numbered).id)

    def _answer(self, request: ExceptionRequest) -> None:
        """Answer a click on "Request exception" with the document for the policy set."""
        text = exception_text(
            self._services, self._forge.prefix + request.repository, request.commit, request.actor
        )
        call = self._adapter.exception(request, text)
        if call is not None:
            self._transport.send(call, request.installation)


class _Numbered(msgspec.Struct, frozen=True):
    id: int
