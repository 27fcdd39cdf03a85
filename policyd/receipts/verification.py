"""Verify receipts without the audit log and without a network.

In: the text of a receipt, which may be hostile; trusted keys; the time and the host. Out: what the
receipt states. Errors: ReceiptError with one sentence: no trusted key, changed, expired, in the
future, for another host, denied.

A receipt is a bundle of in-toto: one DSSE envelope on each line, the admission and its summary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from policyd.audit.event import rfc3339
from policyd.errors import ReceiptError
from policyd.model import Grant
from policyd.receipts.coverage import workload_digests
from policyd.receipts.envelope import Envelope, decoded, envelope_of, opened, payload_of
from policyd.receipts.statement import (
    ADMISSION,
    SUMMARY,
    Admission,
    AdmittedWorkload,
    admission_in,
    kind_of,
)
from policyd.workloads.model import Workload

if TYPE_CHECKING:  # the module needs the package cryptography, which is optional
    from policyd.receipts.keys import TrustedKey

MAX_RECEIPT: Final = 8 * 1024 * 1024
"""Bytes of a receipt."""
MAX_ENVELOPES: Final = 2
CLOCK_SKEW: Final = 300 * 1_000_000_000
"""Nanoseconds by which the clock of the service may be ahead of that of the host."""


class Receipt(msgspec.Struct, frozen=True):
    """A verified admission, and the id of the key that signed it."""

    admission: Admission
    key_id: str

    def grants(self, now: int) -> tuple[Grant, ...]:
        """Return the grants that are held at `now`, nanoseconds since the epoch.

        There are none after the receipt expired.
        """
        if self.is_expired(now):
            return ()
        moment = rfc3339(now)
        return tuple(
            one for one in self.admission.grants if not one.expires or one.expires > moment
        )

    def is_expired(self, now: int) -> bool:
        """Return whether the receipt expired at `now` or before, nanoseconds since the epoch."""
        return self.admission.expires <= rfc3339(now)

    def admits(self, workload: Workload) -> bool:
        """Return whether a container of the same service with the same settings was reviewed."""
        digests = workload_digests(workload)
        return any(
            one.service == workload.service and one.digest in digests
            for one in self.admission.workloads
        )

    def covering(self, workload: Workload, now: int) -> AdmittedWorkload | None:
        """Return the reviewed container of the same service that has the settings of `workload`.

        None if there is none, and after the receipt expired. Where `workload` gets accelerators,
        its service must also hold a grant of each of their vendors and methods at `now`. `workload`
        must have its grants. The caller counts the containers: at most `replicas` may run.
        """
        if self.is_expired(now):
            return None
        digests = workload_digests(workload)
        needed = {(one.vendor, one.method) for one in workload.grants}
        held = self.grants(now)
        for one in self.admission.workloads:
            own = {(grant.vendor, grant.method) for grant in held if grant.service == one.service}
            if one.service == workload.service and one.digest in digests and needed <= own:
                return one
        return None


def verified(
    text: bytes,
    keys: Sequence[TrustedKey],
    *,
    now: int,
    host: str | None = None,
    accept_expired: bool = False,
) -> Receipt:
    """Return the receipt in `text`, which one of `keys` signed.

    `now` is in nanoseconds since the epoch. With `host`, the receipt must be for that host. Raises
    ReceiptError, also for a receipt of a denial, and for one that expired unless `accept_expired`.
    """
    receipt: Receipt | None = None
    summaries: list[bytes] = []
    digest = ""
    for envelope in envelopes_in(text):
        found = opened(envelope, keys)
        kind = kind_of(found.payload)
        if kind == ADMISSION and receipt is None:
            receipt = Receipt(admission_in(found.payload), found.key_id)
            digest = hashlib.sha256(found.payload).hexdigest()
        elif kind == SUMMARY and not summaries:
            summaries.append(found.payload)
        else:
            raise ReceiptError(f"the receipt has an unexpected statement {kind!r}")
    if receipt is None:
        raise ReceiptError("the receipt has no admission")
    for summary in summaries:
        _check_summary(summary, receipt.admission, digest)
    _check(receipt.admission, now, host)
    if receipt.is_expired(now) and not accept_expired:
        raise ReceiptError(expiry(receipt))
    return receipt


def expiry(receipt: Receipt) -> str:
    """Return a sentence that says when `receipt`, which expired, did so."""
    return (
        f"the receipt expired on {receipt.admission.expires}; request a new review with "
        "policyd review --receipt"
    )


def unverified(text: bytes) -> Admission:
    """Return the admission that `text` states, whoever signed it. Raises ReceiptError."""
    for envelope in envelopes_in(text):
        payload = payload_of(envelope)
        if kind_of(payload) == ADMISSION:
            return admission_in(payload)
    raise ReceiptError("the receipt has no admission")


def envelopes_in(text: bytes) -> tuple[Envelope, ...]:
    """Return the envelopes in `text`, one on each line. Raises ReceiptError."""
    if len(text) > MAX_RECEIPT:
        raise ReceiptError(f"the receipt exceeds the limit of {MAX_RECEIPT} bytes")
    lines = [line for line in text.split(b"\n") if line.strip()]
    if not 0 < len(lines) <= MAX_ENVELOPES:
        raise ReceiptError(
            f"the receipt has {len(lines)} lines; expected 1 to {MAX_ENVELOPES}, each a DSSE "
            "envelope"
        )
    return tuple(map(envelope_of, lines))


def receipt_text(envelopes: Iterable[Envelope]) -> bytes:
    """Return `envelopes` as the text of a receipt."""
    return b"".join(msgspec.json.encode(one) + b"\n" for one in envelopes)


class _Digested(msgspec.Struct, frozen=True):
    digest: dict[str, str]


class _Summary(msgspec.Struct, frozen=True, rename="camel"):
    verification_result: str
    input_attestations: tuple[_Digested, ...]


class _SummaryStatement(msgspec.Struct, frozen=True):
    predicate: _Summary


def _check_summary(statement: bytes, admission: Admission, digest: str) -> None:
    """Raise ReceiptError if the summary is not that of `admission`, whose payload has `digest`."""
    found = decoded(statement, _SummaryStatement, "the summary is not valid").predicate
    inputs: list[Any] = [one.digest.get("sha256") for one in found.input_attestations]
    result = "PASSED" if admission.allowed else "FAILED"
    if inputs != [digest] or found.verification_result != result:
        raise ReceiptError("the summary in the receipt is not that of its admission")


def _check(admission: Admission, now: int, host: str | None) -> None:
    if not admission.allowed:
        raise ReceiptError(f"the decision {admission.decision_id} denied the project")
    if admission.time > rfc3339(now + CLOCK_SKEW):
        raise ReceiptError(
            f"the receipt is dated {admission.time}, which is in the future; check the clock of "
            "this machine"
        )
    if host is not None and admission.source.host != host:
        named = f"for the host {admission.source.host}, not {host}"
        missing = f"not for a host; request the review with --host {host}"
        raise ReceiptError(f"the receipt is {named if admission.source.host else missing}")
