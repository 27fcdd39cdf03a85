"""What a log sends to a witness, and what the witness answers.

In: sizes, proofs, checkpoints, answers. Out: the body of a request; the cosignature in an answer,
verified. Pure. Source: C2SP tlog-witness and tlog-cosignature.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

from policyd.errors import NoteError
from policyd.transparency.checkpoint import MAX_PROOF, MAX_SIZE
from policyd.transparency.note import COSIGNATURE, Verifier, signatures_of

SIZE_TYPE: Final = "text/x.tlog.size"
"""The media type of an answer that states the size which the witness knows."""
MAX_AHEAD: Final = 300
"""Seconds by which the clock of a witness may be ahead."""


def request_body(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """Return the body of add-checkpoint for the checkpoint `note`.

    `proof` shows that it extends the `old` entries that the witness knows.
    """
    if len(proof) > MAX_PROOF:
        raise ValueError(f"the proof has {len(proof)} hashes, more than {MAX_PROOF}")
    hashes = "".join(f"{base64.b64encode(one).decode()}\n" for one in proof)
    return f"old {old}\n{hashes}\n{note}".encode()


def known_size(answer: bytes) -> int:
    """Return the size that a witness states in its answer 409. Raises NoteError."""
    digits = answer.removesuffix(b"\n")
    if not digits.isdigit() or len(digits) > 19 or int(digits) > MAX_SIZE:
        raise NoteError("the witness does not state the size that it knows")
    return int(digits)


def cosignature(answer: bytes, text: str, witness: Verifier, now: int) -> str:
    """Return the line by which `witness` cosigns the checkpoint `text`, from its answer.

    Lines of other keys are left out. `now` is in seconds since the epoch. Raises NoteError if there
    is no such line, if it does not hold, and if its time is 0 or in the future.
    """
    try:
        lines = answer.decode()
    except UnicodeDecodeError as error:
        raise NoteError("the answer of the witness is not UTF-8") from error
    for line in filter(None, lines.split("\n")):
        _, signatures = signatures_of(f"{text}\n{line}\n", [witness])
        for signature in signatures:
            if not 0 < signature.time <= now + MAX_AHEAD:
                raise NoteError(
                    f"{witness.name} cosigned at the time {signature.time}, which is wrong"
                )
            return f"{line}\n"
    raise NoteError(f"the answer of the witness has no cosignature by {witness.name}")


def cosigners(note: str, witnesses: Sequence[Verifier]) -> list[str]:
    """Return the names of those of `witnesses` that cosigned `note`, each key once.

    Raises NoteError when a cosignature does not hold.
    """
    distinct = list({one.public: one for one in witnesses if one.kind == COSIGNATURE}.values())
    _, signatures = signatures_of(note, distinct)
    return [signature.name for signature in signatures if signature.time > 0]
