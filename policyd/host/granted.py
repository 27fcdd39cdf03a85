"""Where the grants of a host come from: audit log, webhook, receipts.

In: the name of a project. Out: its grants that are held on this host now. Errors: GrantsUnknown
where a source cannot say; AuditError.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from policyd.errors import ConfigError, PolicydError, ReceiptError
from policyd.host.coverage import Held
from policyd.host_settings import HostSettings
from policyd.receipts.verification import MAX_RECEIPT, Receipt, expiry, verified
from policyd.workloads.model import Workload

if TYPE_CHECKING:
    from policyd.audit.store import Store
    from policyd.receipts.keys import TrustedKey
    from policyd.services import Services

MAX_RECEIPTS: Final = 1_000
"""Files of a folder with receipts."""

log = structlog.get_logger("policyd.host")


class GrantsUnknown(PolicydError):
    """The grants of the host are not known at the moment, so no container may use any."""

    status_code = 503
    reason = "ServiceUnavailable"


class GrantSource(Protocol):
    """Knows grants of one host."""

    def held(self, project: str) -> Sequence[Held]:
        """Return the grants that `project` holds now. Raises PolicydError."""


class RecordedGrants:
    """The grants in an audit log."""

    def __init__(self, store: Store, host: str, clock: Callable[[], int]) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._store = store
        self._host = host
        self._clock = clock

    def held(self, project: str) -> Sequence[Held]:
        """Return the active grants of `project` on the host. Raises AuditError."""
        return self._store.grants_in_force(self._host, project, self._clock())


class Receipts:
    """The receipts in a folder. Files that are not valid are ignored, and logged once."""

    def __init__(
        self, folder: str, keys: Sequence[TrustedKey], host: str, clock: Callable[[], int]
    ) -> None:
        """`keys` are those that receipts are signed with; `clock` returns nanoseconds."""
        self._folder = Path(folder)
        self._keys = keys
        self._host = host
        self._clock = clock
        self._lock = threading.Lock()
        self._read: dict[str, tuple[int, Receipt | None]] = {}

    @property
    def now(self) -> int:
        """The time in nanoseconds since the epoch."""
        return self._clock()

    def replicas(self, project: str, service: str, workload: Workload) -> int:
        """Return how many containers like `workload` receipts allow to `service`.

        A receipt covers a container whose settings are those that were reviewed.
        """
        now = self._clock()
        found = 0
        for receipt in self.of(project):
            admitted = receipt.covering(workload, now)
            if admitted is not None and admitted.service == service:
                found = max(found, admitted.replicas)
        return found

    def held_for(self, project: str, forms: Sequence[Workload]) -> Sequence[Held]:
        """Return the grants that receipts have now for a container of `project`.

        `forms` are the container as the review may have seen it.
        """
        now = self._clock()
        return [
            grant
            for receipt in self.of(project)
            if any(map(receipt.admits, forms))
            for grant in receipt.grants(now)
        ]

    def of(self, project: str) -> Sequence[Receipt]:
        """Return the receipts of `project` on this host, also those that expired."""
        return [one for one in self._receipts() if one.admission.project == project]

    def _receipts(self) -> Sequence[Receipt]:
        with self._lock:
            self._read = {name: self._receipt(name, at) for name, at in self._files()}
            return [receipt for _, receipt in self._read.values() if receipt]

    def _files(self) -> Sequence[tuple[str, int]]:
        """Return the names of the files in the folder, with the times of their last changes."""
        # Not pathlib, which takes ten times as long, and each create waits for this.
        found: list[tuple[str, int]] = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):  # it was removed in the meantime
                        if entry.is_file():
                            found.append((entry.name, entry.stat().st_mtime_ns))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        return sorted(found)[:MAX_RECEIPTS]

    def _receipt(self, name: str, stamp: int) -> tuple[int, Receipt | None]:
        """Return `stamp` and the receipt in the file; it is verified again when it changes."""
        known = self._read.get(name)
        if known and known[0] == stamp:
            return known
        try:
            with (self._folder / name).open("rb") as opened:
                text = opened.read(MAX_RECEIPT + 1)
            now = self._clock()
            found = verified(text, self._keys, now=now, host=self._host, accept_expired=True)
        except (OSError, ReceiptError) as error:
            log.warning("receipt ignored", file=name, reason=str(error))
            return stamp, None
        if found.is_expired(now):
            log.warning("receipt ignored", file=name, reason=expiry(found))
        return stamp, found


def receipts_of(services: Services, host: HostSettings) -> Receipts:
    """Return the receipts in the folder that `host` names. Raises ConfigError."""
    path = services.settings.receipt_public_keys_file
    if not path:
        raise ConfigError("host.receipts needs receipt_public_keys_file, which verifies them")
    # Imported here because it needs the package cryptography, which is optional.
    from policyd.receipts.keys import trusted_keys_of

    try:
        keys = trusted_keys_of(Path(path).read_bytes(), path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the file: {error.strerror}") from error
    return Receipts(host.receipts, keys, host.name, services.clock)
