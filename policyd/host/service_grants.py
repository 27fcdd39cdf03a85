"""The grants that a webhook has for this host, read from time to time and kept on disk.

In: the address of the webhook and a token. Out: the grants of a project, as of the last reading,
which may be `max_age` old at most. Errors: GrantsUnknown where it is older; ConfigError. The file
counts only if it belongs to this user, nobody else may write it, and it is about the same webhook
and host.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

import msgspec
import structlog

from policyd.audit.event import GrantRecord, rfc3339
from policyd.errors import DeliveryError, PolicydError
from policyd.host.granted import GrantsUnknown
from policyd.host_settings import HostSettings
from policyd.http_endpoint import Endpoint

PAGE: Final = 500
MAX_PAGES: Final = 100
MAX_ANSWER: Final = 16 << 20
MAX_FILE: Final = 64 << 20
SECONDS: Final = 10.0
"""How long the webhook may take to answer."""
CLOCK_SKEW: Final = 60 * 1_000_000_000
"""Nanoseconds by which a file may be newer than the clock says."""
_NANOSECONDS: Final = 1_000_000_000

log = structlog.get_logger("policyd.host")


class _Page(msgspec.Struct, frozen=True):
    """The part of a GrantList that is read."""

    items: tuple[GrantRecord, ...]
    next: str | None = None


class KnownGrants(msgspec.Struct, frozen=True):
    """The active grants of a host, read at the time `read` (nanoseconds) from `url`."""

    url: str
    host: str
    read: int
    grants: tuple[GrantRecord, ...]


class ServiceGrants:
    """Knows the grants of one host. May be used by many threads at once."""

    def __init__(self, settings: HostSettings, clock: Callable[[], int]) -> None:
        """Read the file. `clock` returns nanoseconds. Raises ConfigError."""
        self._settings = settings
        self._clock = clock
        self._endpoint = Endpoint(
            f"{settings.grants_url.rstrip('/')}/v1/grants",
            "host.grants_url",
            token_file=settings.grants_token_file,
            ca_file=settings.grants_ca_file,
        )
        self._stopped = threading.Event()
        self._known = self._kept()

    def held(self, project: str) -> Sequence[GrantRecord]:
        """Return the grants of `project` that have not expired. Raises GrantsUnknown."""
        return [one for one in self.all_held() if one.project == project]

    def all_held(self) -> Sequence[GrantRecord]:
        """Return the grants of the host that have not expired. Raises GrantsUnknown."""
        known, now = self._known, self._clock()
        max_age = self._settings.grants_max_age
        if known is None or now - known.read > max_age * _NANOSECONDS:
            raise GrantsUnknown(
                f"the grants of this host could not be read from {self._endpoint.name} for "
                f"{max_age} seconds"
            )
        moment = rfc3339(now)
        return [
            one
            for one in known.grants
            if one.host == self._settings.name and not (one.expires and one.expires <= moment)
        ]

    def read_now(self) -> Sequence[GrantRecord]:
        """Return the grants of the host, those of the last reading while the webhook is away.

        Raises GrantsUnknown if that is too long ago.
        """
        try:
            self.refresh()
        except PolicydError as error:
            log.warning("grants not read", reason=error.masked)
        return self.all_held()

    def start(self) -> None:
        """Read the grants again and again, in a thread of its own, until `stop`."""
        threading.Thread(target=self._run, name="policyd-grants", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

    def refresh(self) -> None:
        """Read the grants. Raises PolicydError; then the previous ones stay."""
        now = self._clock()
        grants: list[GrantRecord] = []
        before = ""
        for _ in range(MAX_PAGES):
            page = self._page(before)
            grants += page.items
            if page.next is None:
                known = KnownGrants(self._endpoint.name, self._settings.name, now, tuple(grants))
                self._known = known
                self._keep(known)
                return
            before = page.next
        raise GrantsUnknown(f"{self._endpoint.name} has more than {PAGE * MAX_PAGES} grants")

    def _page(self, before: str) -> _Page:
        query = f"?active=true&limit={PAGE}&host={quote(self._settings.name, safe='')}"
        query += f"&before={before}" if before else ""
        headers = {"Accept": "application/json"}
        answer = self._endpoint.send("GET", b"", headers, SECONDS, query, MAX_ANSWER)
        if not answer.is_success:
            raise DeliveryError(f"{self._endpoint.name} answered with status {answer.status}")
        try:
            return msgspec.json.decode(answer.content, type=_Page)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise DeliveryError(f"{self._endpoint.name} did not answer with grants") from error

    def _run(self) -> None:
        failed = False
        while not self._stopped.is_set():
            try:
                self.refresh()
                if failed:
                    log.info("grants read again", url=self._endpoint.name)
                failed = False
            except PolicydError as error:
                if not failed:
                    log.warning("grants not read", reason=error.masked)
                failed = True
            self._stopped.wait(self._settings.grants_interval)

    def _kept(self) -> KnownGrants | None:
        """Return what the file has, None if it does not count."""
        path = self._settings.grants_cache
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        with open(handle, "rb") as file:
            if not _is_own(os.fstat(handle)):
                log.warning("grants file ignored: others may write it", file=path)
                return None
            content = file.read(MAX_FILE)
        try:
            known = msgspec.json.decode(content, type=KnownGrants)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        is_ours = (known.url, known.host) == (self._endpoint.name, self._settings.name)
        return known if is_ours and known.read <= self._clock() + CLOCK_SKEW else None

    def _keep(self, known: KnownGrants) -> None:
        """Write `known` to the file; grants count without it until the next restart."""
        path = self._settings.grants_cache
        temporary = ""
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
            with open(handle, "wb") as file:
                file.write(msgspec.json.encode(known))
                file.flush()
                os.fsync(handle)
            os.replace(temporary, path)
        except OSError as error:
            log.warning("grants not kept", file=path, reason=error.strerror)
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _is_own(status: os.stat_result) -> bool:
    """Return whether a file belongs to this user, and nobody else may write it."""
    others = stat.S_IWGRP | stat.S_IWOTH
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid in (os.geteuid(), 0)
        and not status.st_mode & others
    )
