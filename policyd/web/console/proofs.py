"""The proof that a decision is in the audit log, for the console.

In: the services, the id of a decision. Out: a proof file of C2SP, or its parts as JSON. Needs the
key of the log: without one, there are no checkpoints. Source: C2SP tlog-proof.
"""

from __future__ import annotations

import base64

import msgspec
from sqlalchemy import func, select

from policyd.audit.event import rfc3339
from policyd.audit.tables import checkpoints, events
from policyd.errors import NotFound
from policyd.model import to_json
from policyd.services import Services


def proof_file(services: Services, decision_id: str) -> str:
    """Return the proof of a decision under the last checkpoint, which is signed if it is missing.

    Raises NotFound without a key, AuditError if the log does not match its checkpoint.
    """
    settings = services.settings
    if not settings.audit_key_file:
        raise NotFound(
            "the audit log signs no checkpoints, so there are no proofs: set audit_key_file"
        )
    # Imported here because it needs the package cryptography, which is optional.
    from policyd.audit.checkpoints import load_signer, prove, sign
    from policyd.transparency.note import verifier_of

    witnesses = [verifier_of(one.public_key) for one in settings.witnesses.values()]
    database = services.audit.database
    if not _is_covered(services, decision_id):
        signer = load_signer(settings.audit_key_file, settings.audit_origin)
        with database.writing() as connection:
            sign(connection, signer, rfc3339(services.clock()))
    with database.reading() as connection:
        return prove(connection, decision_id, witnesses)


def proof_document(proof: str) -> bytes:
    """Return the parts of a proof file as JSON. Hashes are in Base64."""
    from policyd.transparency.checkpoint import checkpoint_of, proof_of

    parts = proof_of(proof)
    state = checkpoint_of(parts.checkpoint.partition("\n\n")[0] + "\n")
    return (
        to_json(
            {
                "origin": state.origin,
                "size": state.size,
                "root": _base64(state.root),
                "index": parts.index,
                "hashes": [_base64(one) for one in parts.hashes],
                "entry": msgspec.Raw(parts.extra),
                "checkpoint": parts.checkpoint,
            }
        )
        + b"\n"
    )


def _is_covered(services: Services, decision_id: str) -> bool:
    """Return whether a checkpoint includes the decision."""
    sequence = select(events.c.sequence).where(events.c.decision_id == decision_id)
    last = select(func.max(checkpoints.c.size))
    with services.audit.database.reading() as connection:
        size = connection.execute(last).scalar() or 0
        return bool(size >= (connection.execute(sequence).scalar() or 0))


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
