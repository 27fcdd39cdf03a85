"""Where the grants of a host come from: audit log, webhook, receipts.

In: the name of a project. Out: its grants that are held on this host now. Errors: GrantsUnknown
where a source cannot say; AuditError.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
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
        self._read: dict[Path, tuple[int, Receipt | None]] = {}

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
            files = sorted(self._folder.iterdir())[:MAX_RECEIPTS] if self._folder.is_dir() else []
            self._read = {file: self._receipt(file) for file in files if file.is_file()}
            return [receipt for _, receipt in self._read.values() if receipt]

    def _receipt(self, file: Path) -> tuple[int, Receipt | None]:
        """Return the time of `file` and its receipt; it is verified again when it changes."""
        stamp = file.stat().st_mtime_ns
        known = self._read.get(file)
        if known and known[0] == stamp:
            return known
        try:
            with file.open("rb") as opened:
                text = opened.read(MAX_RECEIPT + 1)
            now = self._clock()
            found = verified(text, self._keys, now=now, host=self._host, accept_expired=True)
        except (OSError, ReceiptError) as error:
            log.warning("receipt ignored", file=file.name, reason=str(error))
            return stamp, None
        if found.is_expired(now):
            log.warning("receipt ignored", file=file.name, reason=expiry(found))
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
