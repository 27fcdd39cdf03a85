"""Signed checkpoints of the audit log, and proofs that a decision is in it.

In: a connection to the log, the key of the log. Out: signed notes, proof files, and what a proof
shows. A log never signs two checkpoints that contradict each other: each extends the last one.
Source: C2SP tlog-checkpoint, tlog-proof, signed-note.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from policyd.audit import tree
from policyd.audit.checkpoint_copies import checkpoints_in
from policyd.audit.cosignatures import newest_cosigned
from policyd.audit.evidence import Statement
from policyd.audit.tables import checkpoints, events
from policyd.errors import AuditError, ConfigError, NoteError, NotFound
from policyd.secret_files import key_in
from policyd.transparency import merkle
from policyd.transparency.checkpoint import (
    Checkpoint,
    Proof,
    open_checkpoint,
    proof_of,
    verify_proof,
)
from policyd.transparency.note import Signer, Verifier, private_key_of
from policyd.transparency.witness import cosigners


def load_signer(key_file: str, origin: str) -> Signer:
    """Return the key in `key_file`, an Ed25519 private key in PEM, of the log `origin`.

    Raises ConfigError, also for a file that all users of the machine can read.
    """
    if not origin:
        raise ConfigError("audit_origin: a log that signs checkpoints needs a name; set it")
    try:
        key = private_key_of(key_in(key_file, "audit_key_file"))
    except NoteError as error:
        raise ConfigError(f"audit_key_file: {key_file} {error}") from error
    try:
        return Signer(origin, key)
    except NoteError as error:
        raise ConfigError(f"audit_origin: {error}") from error


def sign(connection: Connection, signer: Signer, time: str) -> str:
    """Return a signed checkpoint of all events, and store it. `time` is the current time, RFC 3339.

    `connection` excludes other writers. Raises AuditError if the log does not extend its last
    checkpoint.
    """
    frontier = tree.grow(connection)
    size = frontier.size
    read = tree.reader(connection)
    last = latest(connection)
    if last is not None:
        _check_extends(last, size, read)
        if last.size == size and _is_by(last.note, signer.verifier):
            return str(last.note)
    root = frontier.root()
    note = signer.sign(Checkpoint(signer.verifier.name, size, root).text)
    row = {"size": size, "root": root.hex(), "note": note, "time": time}
    if last is not None and last.size == size:
        connection.execute(update(checkpoints).where(checkpoints.c.size == size).values(**row))
    else:
        connection.execute(insert(checkpoints), row)
    return note


def latest(connection: Connection) -> Row[Any] | None:
    """Return the row of the last checkpoint, None if there is none."""
    return connection.execute(
        select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)
    ).first()


def prove(connection: Connection, decision_id: str, witnesses: Sequence[Verifier] = ()) -> str:
    """Return the proof that a decision is in the log under its last checkpoint, as a file.

    With `witnesses`, the last checkpoint that one of them cosigned precedes, if it has the event.
    Raises NotFound if there is no such decision, AuditError if the last checkpoint does not include
    it and if the log does not match the checkpoint.
    """
    query = select(*tree.ENTRY_COLUMNS).where(events.c.decision_id == decision_id)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"there is no decision {decision_id} in the audit log")
    last = newest_cosigned(connection, witnesses, size=row.sequence) if witnesses else None
    last = last or latest(connection)
    if last is None or last.size < row.sequence:
        raise AuditError(
            f"no checkpoint includes event {row.sequence} yet; sign one with "
            "`policyd audit checkpoint`"
        )
    entry, index, size = tree.entry(*row), int(row.sequence) - 1, int(last.size)
    hashes = merkle.inclusion_proof(index, size, tree.reader(connection))
    found = merkle.root_from_inclusion(index, size, merkle.leaf_hash(entry), hashes)
    if found.hex() != last.root:
        raise AuditError(
            f"event {row.sequence} is not the one of the checkpoint of {size} events; see "
            "`policyd audit verify`"
        )
    return Proof(index, tuple(hashes), str(last.note), entry).text


class Quorum(NamedTuple):
    """The witnesses that count, and how many of them must have cosigned a checkpoint."""

    witnesses: Sequence[Verifier] = ()
    least: int = 0

    def holds(self, note: str) -> bool:
        """Return whether enough witnesses cosigned `note`. Raises NoteError as `check` does."""
        return len(cosigners(note, self.witnesses)) >= self.least

    def check(self, note: str) -> None:
        """Raise NoteError if fewer witnesses cosigned `note`, or if a cosignature is wrong."""
        found = cosigners(note, self.witnesses)
        if len(found) < self.least:
            names = f" ({', '.join(found)})" if found else ""
            raise NoteError(
                f"{len(found)} of the witnesses cosigned the checkpoint{names}; "
                f"{self.least} are required"
            )


NO_QUORUM: Final = Quorum()


def proven_entry(
    proof_file: str, keys: Sequence[Verifier], quorum: Quorum = NO_QUORUM
) -> tuple[tree.Entry, Checkpoint]:
    """Return the entry that a proof file shows to be in the log of `keys`, and the checkpoint.

    Raises NoteError if the proof does not hold, or its checkpoint does not have the `quorum`.
    """
    proof = proof_of(proof_file)
    checkpoint = verify_proof(proof, proof.extra, _origin(keys), keys)
    quorum.check(proof.checkpoint)
    try:
        entry = msgspec.json.decode(proof.extra, type=tree.Entry)
    except msgspec.MsgspecError as error:
        raise NoteError("the proof does not contain the entry of a decision") from error
    if entry.sequence != proof.index + 1:
        raise NoteError(f"the entry of event {entry.sequence} has the index {proof.index}")
    return entry, checkpoint


def stated(
    text: str, keys: Sequence[Verifier], source: str, quorum: Quorum = NO_QUORUM
) -> list[Statement]:
    """Return what the signed checkpoints in `text`, that of a file, state about the log of `keys`.

    A log has several keys if they were changed. Raises NoteError if there is no checkpoint, if one
    does not hold, and if none has the `quorum`.
    """
    origin = _origin(keys)
    notes = list(checkpoints_in(text, origin)) or [text]
    found = [open_checkpoint(note, origin, keys)[0] for note in notes]
    if not any(quorum.holds(note) for note in reversed(notes)):
        quorum.check(notes[-1])
    if len(found) == 1:
        return [Statement(source, found[0].size, root=found[0].root)]
    return [
        Statement(
            f"checkpoint {number} in {source}",
            one.size,
            root=one.root,
            is_listed=number == len(found),
        )
        for number, one in enumerate(found, 1)
    ]


def quorum_statement(
    connection: Connection, keys: Sequence[Verifier], quorum: Quorum
) -> Statement | None:
    """Return what the newest stored checkpoint with the `quorum` states, None without one.

    Raises NoteError if it is not signed by one of `keys`.
    """
    row = newest_cosigned(connection, quorum.witnesses, quorum.least)
    if row is None:
        return None
    checkpoint, _ = open_checkpoint(str(row.note), _origin(keys), keys)
    names = ", ".join(cosigners(str(row.note), quorum.witnesses))
    source = f"the stored checkpoint that {names} cosigned"
    return Statement(source, checkpoint.size, root=checkpoint.root)


def _origin(keys: Sequence[Verifier]) -> str:
    """Return the name of the log that all of `keys` are of. Raises NoteError."""
    names = sorted({one.name for one in keys})
    if len(names) != 1:
        raise NoteError(f"the keys are of several logs: {', '.join(names)}")
    return names[0]


def _check_extends(last: Row[Any], size: int, read: merkle.ReadHash) -> None:
    if last.size > size:
        raise AuditError(
            f"event {size + 1} is missing: the last checkpoint has {last.size} events, but the "
            f"log ends at event {size}; see `policyd audit verify`"
        )
    if merkle.root(int(last.size), read).hex() != last.root:
        raise AuditError(
            f"the log does not extend its last checkpoint of {last.size} events; see "
            "`policyd audit verify`"
        )


def _is_by(note: str, verifier: Verifier) -> bool:
    try:
        open_checkpoint(note, verifier.name, [verifier])
    except NoteError:
        return False
    return True
