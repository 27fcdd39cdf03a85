"""Keys and receipts for tests: all are made of constants, so they are always the same."""

from __future__ import annotations

from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from policyd.audit.event import rfc3339
from policyd.model import Grant, PolicySetRevision, Source
from policyd.receipts.coverage import admitted
from policyd.receipts.envelope import Envelope, sealed
from policyd.receipts.keys import SigningKey
from policyd.receipts.statement import Admission, admission_statement, summary_statement
from policyd.receipts.verification import receipt_text
from policyd.workloads.model import Device, Workload

HOUR: Final = 3_600_000_000_000
NOW: Final = 1_790_000_000_000_000_000
KEY: Final = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER_KEY: Final = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))
PEM: Final = KEY._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
TRAIN: Final = Workload(
    "train", ("services", "train"), service="train", image="acme/train:1",
    devices=(Device("/dev/fuse", "/dev/fuse", "rwm", "/dev/fuse", ("services", "train")),),
)  # fmt: skip
GRANT: Final = Grant(
    "train", "nvidia", "gpus", ("0",), 1, ("services", "train", "gpus"), identities=("0",)
)


def admission(**changes: Any) -> Admission:
    """Return an admission of one service on gpu-01, which is valid for an hour from NOW on."""
    fields: dict[str, Any] = {
        "decision_id": "d-1",
        "log": "policyd.acme.example/log",
        "sequence": 7,
        "time": rfc3339(NOW),
        "expires": rfc3339(NOW + HOUR),
        "allowed": True,
        "operation": "CREATE",
        "dry_run": False,
        "project": "train",
        "bundle_digest": f"sha256:{'a' * 64}",
        "source": Source(repository="ml/train", commit="b" * 40, host="gpu-01"),
        "policy_set": PolicySetRevision("default", f"sha256:{'c' * 64}"),
        "workloads": admitted([TRAIN]),
        "grants": (GRANT,),
    }
    return Admission(**{**fields, **changes})


def envelopes(key: SigningKey = KEY, **changes: Any) -> tuple[Envelope, Envelope]:
    """Return the envelopes of the receipt of `admission(**changes)`, signed by `key`."""
    stated = admission(**changes)
    statement = admission_statement(stated)
    return sealed(statement, key), sealed(summary_statement(stated, statement), key)


def receipt(key: SigningKey = KEY, **changes: Any) -> bytes:
    """Return the receipt of `admission(**changes)`, signed by `key`."""
    return receipt_text(envelopes(key, **changes))
