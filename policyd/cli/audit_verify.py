"""`policyd audit verify`: compare the audit log, an export or a proof with the evidence.

In: an audit log, files that were kept elsewhere, public keys. Out: what they show. The exit code is
1 if the log was changed, if a proof does not hold, or if cosignatures are missing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click
import msgspec

from policyd import wire
from policyd.audit.chain import Problem
from policyd.cli import DENIED
from policyd.cli.audit_evidence import signer
from policyd.cli.options import close_at_end, settings, settings_options
from policyd.cli.output import format_option, show
from policyd.cli.progress import progress_bar
from policyd.config import Settings, default_audit
from policyd.errors import NoteError
from policyd.formats.audit_log import Verification
from policyd.formats.available import PROOFS, VERIFICATION
from policyd.model import Undecided

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from policyd.audit.checkpoints import Quorum
    from policyd.audit.evidence import Statement
    from policyd.transparency.note import Verifier

_MAX_FILE: Final = 1_000_000
"""Bytes of a proof or a key. A proof of a log of 2^63 events has 5 KB."""
_MAX_CHECKPOINTS: Final = 256_000_000
"""Bytes of a file that checkpoints were appended to: about a million of them."""
_EXPECTED: Final = re.compile(r"(?P<sequence>[0-9]{1,18}):(?P<hash>[0-9A-Fa-f]{64})")
_FILE: Final = click.Path(exists=True, dir_okay=False)


@click.command("verify")
@settings_options("audit")
@format_option(VERIFICATION)
@click.option(
    "--checkpoint",
    "checkpoints",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="Signed checkpoint of the log that was kept elsewhere. May be repeated.",
)
@click.option(
    "--expect",
    "expected",
    multiple=True,
    metavar="SEQUENCE:HASH",
    help="Sequence number and hash of an event, noted elsewhere. May be repeated.",
)
@click.option(
    "--proof",
    "proofs",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="Verify this proof instead of the log. May be repeated.",
)
@click.option(
    "--export",
    "exports",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="Verify this export (JSON Lines) instead of the log. May be repeated.",
)
@click.option(
    "--witness",
    "witnesses",
    multiple=True,
    metavar="KEY",
    help="Public key of a witness, or a file with it. May be repeated.",
)
@click.option(
    "--require-witnesses",
    "least",
    type=click.IntRange(1, 60),
    metavar="N",
    help="How many of the witnesses must have cosigned. Default: all.",
)
@click.option(
    "--public-key", "texts", multiple=True, metavar="KEY",
    help="Public key of the log, or a file with it. May be repeated, if the key was changed. "
    "Default: that of the setting audit_key_file.",
)  # fmt: skip
def verify(
    config: str | None,
    audit: str | None,
    form: str,
    checkpoints: Sequence[str],
    expected: Sequence[str],
    proofs: Sequence[str],
    exports: Sequence[str],
    witnesses: Sequence[str],
    least: int | None,
    texts: Sequence[str],
) -> int:
    """Verify that nobody has changed the audit log.

    The log is only read: it may be a copy that cannot be written, also of an earlier version. With
    --witness, a checkpoint of --checkpoint, that of each --proof, or else one in the log must be
    cosigned.
    """
    read = settings(config, audit=audit)
    if proofs and (checkpoints or expected or exports or audit):
        raise click.UsageError(
            "--proof is verified without the log: remove --audit, --export, --checkpoint and "
            "--expect"
        )
    if exports and (audit or (witnesses and not checkpoints)):
        raise click.UsageError(
            "--export is verified instead of the log: remove --audit, and add --checkpoint if "
            "there is --witness"
        )
    quorum = _quorum(witnesses, least)
    if proofs:
        return _verify_proofs(proofs, _keys(read, texts), quorum, form)
    statements = [_expectation(text) for text in expected]
    if checkpoints:
        keys = _keys(read, texts)
        statements += [one for path in checkpoints for one in _checkpoints(path, keys, quorum)]
    if exports:
        return max(_verify_export(path, statements, form) for path in exports)
    cosigned = (_keys(read, texts), quorum) if quorum and not checkpoints else None
    return _verify_log(read, statements, cosigned, form)


def _verify_log(
    read: Settings,
    statements: Sequence[Statement],
    cosigned: tuple[Sequence[Verifier], Quorum] | None,
    form: str,
) -> int:
    """Verify the log; one of its checkpoints must be signed and cosigned as `cosigned` says."""
    from policyd.audit.database import open_for_reading
    from policyd.audit.verify import verify as verified

    database = open_for_reading(read.audit or default_audit(os.environ))
    close_at_end(database)
    with database.reading() as connection, progress_bar("events") as show_progress:
        found = _cosigned_statements(connection, *cosigned) if cosigned else []
        report = verified(connection, [*statements, *found], show_progress)
    if cosigned and not found:
        problem = f"no checkpoint up to it is cosigned by {cosigned[1].least} of the witnesses"
        problems = (*report.problems, Problem(report.events, problem))
        report = msgspec.structs.replace(report, problems=problems)
    show(Verification(database.name, wire.audit_verification(report)), VERIFICATION, form)
    return 0 if report.ok else DENIED


def _cosigned_statements(
    connection: Connection, keys: Sequence[Verifier], quorum: Quorum
) -> list[Statement]:
    from policyd.audit.checkpoints import quorum_statement

    found = quorum_statement(connection, keys, quorum)
    return [found] if found else []


def _verify_export(path: str, statements: Sequence[Statement], form: str) -> int:
    from policyd.audit.export_verify import verify_export

    first, report = verify_export(path, statements)
    name = f"{path} from event {first} on" if first > 1 else path
    show(Verification(name, wire.audit_verification(report)), VERIFICATION, form)
    return 0 if report.ok else DENIED


def _verify_proofs(
    paths: Sequence[str], keys: Sequence[Verifier], quorum: Quorum | None, form: str
) -> int:
    from policyd.audit.checkpoints import NO_QUORUM, proven_entry

    items: list[wire.ProvenDecision] = []
    problems: list[Undecided] = []
    for path in paths:
        try:
            entry, state = proven_entry(_text_of(path), keys, quorum or NO_QUORUM)
        except NoteError as error:
            problems.append(Undecided(path, str(error)))
        else:
            items.append(wire.proven_decision(path, entry, state.origin, state.size))
    show(wire.ProofList(items=items, problems=problems), PROOFS, form)
    return DENIED if problems else 0


def _expectation(text: str) -> Statement:
    from policyd.audit.evidence import Statement

    found = _EXPECTED.fullmatch(text)
    if not found:
        raise click.BadParameter(
            f"{text!r} is not SEQUENCE:HASH, such as 7:{'0' * 8}… with 64 hexadecimal digits",
            param_hint="--expect",
        )
    sequence = int(found["sequence"])
    return Statement(f"--expect {sequence}:…", sequence, hash=found["hash"].lower())


def _checkpoints(path: str, keys: Sequence[Verifier], quorum: Quorum | None) -> list[Statement]:
    from policyd.audit.checkpoints import NO_QUORUM, stated

    try:
        text = _text_of(path, _MAX_CHECKPOINTS)
        return stated(text, keys, path, quorum or NO_QUORUM)
    except NoteError as error:
        raise NoteError(f"{path}: {error}") from error


def _quorum(witnesses: Sequence[str], least: int | None) -> Quorum | None:
    """Return the quorum that the options require, None if they require none."""
    if not witnesses:
        if least:
            raise click.UsageError("--require-witnesses needs the keys: --witness")
        return None
    from policyd.audit.checkpoints import Quorum
    from policyd.transparency.note import COSIGNATURE

    found = [_key(text, "--witness") for text in witnesses]
    for one in found:
        if one.kind != COSIGNATURE:
            raise NoteError(f"--witness: the key of {one.name} is not for cosignatures")
    number = len({one.public for one in found})
    if least and least > number:
        raise click.UsageError(f"--require-witnesses {least} exceeds the {number} of --witness")
    return Quorum(found, least or number)


def _text_of(path: str, limit: int = _MAX_FILE) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise NoteError(f"cannot read the file: {error.strerror}") from error
    if len(content) > limit:
        raise NoteError(f"the file exceeds the limit of {limit} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise NoteError("the file is not valid UTF-8") from error


def _keys(read: Settings, texts: Sequence[str]) -> list[Verifier]:
    """Return the keys of the log. Raises NoteError, ConfigError."""
    if texts:
        return [_key(text, "--public-key") for text in texts]
    if not read.audit_key_file:
        raise click.UsageError("the public key of the log is required: --public-key")
    return [signer(read).verifier]


def _key(text: str, option: str) -> Verifier:
    """Return the public key that `option` gives, as text or in a file. Raises NoteError."""
    from policyd.transparency.note import verifier_of

    try:
        return verifier_of((_text_of(text) if os.path.isfile(text) else text).strip())
    except NoteError as error:
        raise NoteError(f"{option}: {error}") from error
