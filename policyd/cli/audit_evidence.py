"""`policyd audit checkpoint`, `prove`, `public-key` and `verify`: evidence about the audit log.

In: an audit log, its key, files that were kept elsewhere. Out: signed checkpoints, proofs, and what
they show. `verify` exits with 1 if the log was changed, or if a proof does not hold.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from policyd import wire
from policyd.cli import DENIED
from policyd.cli.options import close_at_end, settings, settings_options
from policyd.cli.output import format_option, show
from policyd.config import Settings, default_audit
from policyd.errors import AuditError, ConfigError, NoteError
from policyd.formats.audit_log import Verification
from policyd.formats.available import PROOFS, VERIFICATION

if TYPE_CHECKING:
    from policyd.audit.evidence import Statement
    from policyd.audit.store import Store
    from policyd.transparency.note import Signer, Verifier

_MAX_FILE: Final = 1_000_000
"""Bytes of a checkpoint or a proof. A proof of a log of 2^63 events has 5 KB."""
_EXPECTED: Final = re.compile(r"(?P<sequence>[0-9]{1,18}):(?P<hash>[0-9A-Fa-f]{64})")
_FILE: Final = click.Path(exists=True, dir_okay=False)

_output = click.option("-o", "--output", metavar="FILE", help="File to write. Default: print.")


@click.command("checkpoint")
@settings_options("audit")
@_output
def checkpoint(config: str | None, audit: str | None, output: str | None) -> int:
    """Sign a checkpoint of the audit log.

    It states the number of events and the root of their tree. Keep it where the owner of the audit
    log cannot change it. `policyd audit verify --checkpoint` compares the log with it.
    """
    read = settings(config, audit=audit)
    _write(_signed(_store(read), _signer(read)), output)
    return 0


@click.command("prove")
@settings_options("audit")
@click.argument("decision_id", metavar="DECISION")
@_output
def prove(config: str | None, audit: str | None, decision_id: str, output: str | None) -> int:
    """Prove that a decision is in the audit log.

    `policyd audit verify --proof` verifies the proof without the log.
    """
    from policyd.audit import checkpoints

    read = settings(config, audit=audit)
    store = _store(read)
    if read.audit_key_file:
        _signed(store, _signer(read))
    with store.database.reading() as connection:
        proof = checkpoints.prove(connection, decision_id)
    _write(proof, output)
    return 0


@click.command("public-key")
@settings_options()
def public_key(config: str | None) -> int:
    """Print the public key of the audit log: NAME+ID+KEY."""
    click.echo(_signer(settings(config)).verifier.vkey)
    return 0


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
    "--public-key", "key", metavar="KEY",
    help="Public key of the log, or a file with it. Default: that of the setting audit_key_file.",
)  # fmt: skip
def verify(
    config: str | None,
    audit: str | None,
    form: str,
    checkpoints: Sequence[str],
    expected: Sequence[str],
    proofs: Sequence[str],
    exports: Sequence[str],
    key: str | None,
) -> int:
    """Verify that nobody has changed the audit log.

    The log is only read: it may be a copy that cannot be written, also of an earlier version.
    """
    read = settings(config, audit=audit)
    if proofs:
        if checkpoints or expected or exports or audit:
            raise click.UsageError(
                "--proof is verified without the log: remove --audit, --export, --checkpoint and "
                "--expect"
            )
        return _verify_proofs(proofs, _verifier(read, key), form)
    statements = [_expectation(text) for text in expected]
    if checkpoints:
        verifier = _verifier(read, key)
        statements += [_checkpoint(path, verifier) for path in checkpoints]
    if exports:
        if audit:
            raise click.UsageError("--export is verified instead of the log: remove --audit")
        return max(_verify_export(path, statements, form) for path in exports)
    return _verify_log(read, statements, form)


def _verify_log(read: Settings, statements: Sequence[Statement], form: str) -> int:
    from policyd.audit.database import open_for_reading
    from policyd.audit.verify import verify as verified

    database = open_for_reading(read.audit or default_audit(os.environ))
    close_at_end(database)
    with database.reading() as connection:
        report = verified(connection, statements)
    show(Verification(database.name, wire.audit_verification(report)), VERIFICATION, form)
    return 0 if report.ok else DENIED


def _verify_export(path: str, statements: Sequence[Statement], form: str) -> int:
    from policyd.audit.export_verify import verify_export

    first, report = verify_export(path, statements)
    name = f"{path} from event {first} on" if first > 1 else path
    show(Verification(name, wire.audit_verification(report)), VERIFICATION, form)
    return 0 if report.ok else DENIED


def _verify_proofs(paths: Sequence[str], verifier: Verifier, form: str) -> int:
    from policyd.audit.checkpoints import proven_entry

    items: list[wire.ProvenDecision] = []
    problems: list[wire.Undecided] = []
    for path in paths:
        try:
            entry, state = proven_entry(_text_of(path), verifier)
        except NoteError as error:
            problems.append(wire.Undecided(path, str(error)))
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


def _checkpoint(path: str, verifier: Verifier) -> Statement:
    from policyd.audit.checkpoints import stated

    try:
        return stated(_text_of(path), verifier, path)
    except NoteError as error:
        raise NoteError(f"{path}: {error}") from error


def _text_of(path: str) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise NoteError(f"cannot read the file: {error.strerror}") from error
    if len(content) > _MAX_FILE:
        raise NoteError(f"the file exceeds the limit of {_MAX_FILE} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise NoteError("the file is not valid UTF-8") from error


def _verifier(read: Settings, key: str | None) -> Verifier:
    if key is None:
        if not read.audit_key_file:
            raise click.UsageError("the public key of the log is required: --public-key")
        return _signer(read).verifier
    from policyd.transparency.note import verifier_of

    try:
        return verifier_of((_text_of(key) if os.path.isfile(key) else key).strip())
    except NoteError as error:
        raise NoteError(f"--public-key: {error}") from error


def _signer(read: Settings) -> Signer:
    if not read.audit_key_file:
        raise ConfigError(
            "no key for checkpoints is configured: set audit_key_file and audit_origin"
        )
    from policyd.audit.checkpoints import load_signer

    return load_signer(read.audit_key_file, read.audit_origin)


def _signed(store: Store, signer: Signer) -> str:
    import time

    from policyd.audit.checkpoints import sign
    from policyd.audit.event import rfc3339

    with store.database.writing() as connection:
        return sign(connection, signer, rfc3339(time.time_ns()))


def _store(read: Settings) -> Store:
    from policyd.audit.store import open_store

    store = open_store(read.audit or default_audit(os.environ), create=False)
    close_at_end(store)
    return store


def _write(text: str, output: str | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with open(output, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise AuditError(f"{output}: cannot write the file: {error.strerror}") from error
