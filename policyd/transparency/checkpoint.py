"""Checkpoints and proof files of a log.

In: origin, size and root of a tree; texts of checkpoints and proofs. Out: the same as text, or what
they state. Pure. Source: C2SP tlog-checkpoint and tlog-proof.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from policyd.errors import NoteError
from policyd.transparency import merkle
from policyd.transparency.note import Signature, Verifier, open_note

PROOF_HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_PROOF: Final = 63
"""Hashes of a proof: a tree has at most 2^63 leaves."""

MAX_SIZE: Final = 2**63 - 1
"""Entries of a log."""

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class Checkpoint(msgspec.Struct, frozen=True):
    """The state of a log: its name, the number of its entries, the root of its tree (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class Proof(msgspec.Struct, frozen=True):
    """A proof that an entry is in a log: its index, the hashes from the leaf up, the checkpoint.

    `extra` is data that the log adds for its readers: policyd's log adds the entry itself.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""

    @property
    def text(self) -> str:
        """Return the proof as a file."""
        hashes = "".join(f"{base64.b64encode(one).decode()}\n" for one in self.hashes)
        extra = f"extra {base64.b64encode(self.extra).decode()}\n" if self.extra else ""
        return f"{PROOF_HEADER}\n{extra}index {self.index}\n{hashes}\n{self.checkpoint}"


def open_checkpoint(
    note: str, origin: str, verifiers: Iterable[Verifier]
) -> tuple[Checkpoint, list[Signature]]:
    """Return the checkpoint that `note` states, and who signed it.

    Raises NoteError unless the log `origin` signed it, and every signature by one of `verifiers`
    holds.
    """
    text, signatures = open_note(note, verifiers)
    checkpoint = checkpoint_of(text)
    if checkpoint.origin != origin:
        raise NoteError(f"the checkpoint is of the log {checkpoint.origin}, not of {origin}")
    if origin not in {signature.name for signature in signatures}:
        raise NoteError(f"the checkpoint is not signed by the log {origin}")
    return checkpoint, signatures


def checkpoint_of(text: str) -> Checkpoint:
    """Return what the text of a checkpoint states. Raises NoteError when it is malformed.

    Lines after the root are extensions, which are signed too, and ignored.
    """
    lines = text.split("\n")
    size = _number(lines[1]) if len(lines) >= 4 and all(lines[:-1]) and not lines[-1] else None
    if size is None:
        raise NoteError("a checkpoint has an origin, a size and a root, each on its own line")
    return Checkpoint(lines[0], size, _hash(lines[2]))


def proof_of(text: str) -> Proof:
    """Return the proof in the file `text`. Raises NoteError when it is malformed."""
    head, separator, checkpoint = text.partition("\n\n")
    header, *lines = head.split("\n")
    if not separator or header != PROOF_HEADER:
        raise NoteError(f"this is not a proof: it does not begin with {PROOF_HEADER}")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = _decoded(lines.pop(0).removeprefix("extra "))
    index = _number(lines.pop(0).removeprefix("index ")) if _has_index(lines) else None
    if index is None or len(lines) > MAX_PROOF:
        raise NoteError("the proof does not state an index and at most 63 hashes")
    return Proof(index, tuple(map(_hash, lines)), checkpoint, extra)


def verify_proof(
    proof: Proof, entry: bytes, origin: str, verifiers: Sequence[Verifier]
) -> Checkpoint:
    """Return the checkpoint under which `proof` shows that `entry` is in the log `origin`.

    Raises NoteError when the checkpoint or the proof does not hold.
    """
    checkpoint, _ = open_checkpoint(proof.checkpoint, origin, verifiers)
    leaf = merkle.leaf_hash(entry)
    try:
        found = merkle.root_from_inclusion(proof.index, checkpoint.size, leaf, proof.hashes)
    except ValueError as error:
        raise NoteError(f"the proof does not hold: {error}") from error
    if found != checkpoint.root:
        raise NoteError("the proof does not lead to the root of the checkpoint")
    return checkpoint


def _has_index(lines: Sequence[str]) -> bool:
    return bool(lines) and lines[0].startswith("index ")


def _number(text: str) -> int | None:
    number = int(text) if _NUMBER.fullmatch(text) else -1
    return number if 0 <= number <= MAX_SIZE else None


def _hash(encoded: str) -> bytes:
    digest = _decoded(encoded)
    if len(digest) != merkle.HASH_SIZE:
        raise NoteError(f"{encoded!r} is not a SHA-256 hash in base64")
    return digest


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(f"{encoded!r} is not base64") from error
