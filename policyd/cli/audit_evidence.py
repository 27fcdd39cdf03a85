"""`policyd audit checkpoint`, `prove` and `public-key`: evidence about the audit log.

In: an audit log and its key. Out: signed checkpoints, proofs and the key. `audit_verify.py` has the
command that compares the log with them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from policyd.cli import DENIED, complain
from policyd.cli.options import close_at_end, settings, settings_options
from policyd.config import Settings, default_audit
from policyd.errors import AuditError, ConfigError

if TYPE_CHECKING:
    from policyd.audit.store import Store
    from policyd.transparency.note import Signer

_output = click.option("-o", "--output", metavar="FILE", help="File to write. Default: print.")
_SECONDS = 30.0
"""How long a witness or a copy may take."""


@click.command("checkpoint")
@settings_options("audit")
@click.option(
    "--publish",
    is_flag=True,
    help="Also send it to the witnesses and copies of the settings file, as policyd serve does.",
)
@_output
def checkpoint(config: str | None, audit: str | None, publish: bool, output: str | None) -> int:
    """Sign a checkpoint of the audit log.

    It states the number of events and the root of their tree. Keep it where the owner of the audit
    log cannot change it. `policyd audit verify --checkpoint` compares the log with it. The exit
    code of --publish is 1 if a witness or a copy did not accept the checkpoint.
    """
    read = settings(config, audit=audit)
    store, key = _store(read), signer(read)
    if publish:
        return _publish(read, store, key, output)
    _write(_signed(store, key), output)
    return 0


@click.command("prove")
@settings_options("audit")
@click.argument("decision_id", metavar="DECISION")
@_output
def prove(config: str | None, audit: str | None, decision_id: str, output: str | None) -> int:
    """Prove that a decision is in the audit log.

    `policyd audit verify --proof` verifies the proof without the log. A checkpoint that a witness
    of the settings file cosigned is preferred.
    """
    from policyd.audit import checkpoints
    from policyd.transparency.note import verifier_of

    read = settings(config, audit=audit)
    store = _store(read)
    if read.audit_key_file:
        _signed(store, signer(read))
    witnesses = [verifier_of(one.public_key) for one in read.witnesses.values()]
    with store.database.reading() as connection:
        proof = checkpoints.prove(connection, decision_id, witnesses)
    _write(proof, output)
    return 0


@click.command("public-key")
@settings_options()
def public_key(config: str | None) -> int:
    """Print the public key of the audit log: NAME+ID+KEY."""
    click.echo(signer(settings(config)).verifier.vkey)
    return 0


def signer(read: Settings) -> Signer:
    """Return the key of the log. Raises ConfigError."""
    if not read.audit_key_file:
        raise ConfigError(
            "no key for checkpoints is configured: set audit_key_file and audit_origin"
        )
    from policyd.audit.checkpoints import load_signer

    return load_signer(read.audit_key_file, read.audit_origin)


def _publish(read: Settings, store: Store, key: Signer, output: str | None) -> int:
    import time

    from policyd.audit.checkpoint_publication import Publisher
    from policyd.bootstrap import checkpoint_targets

    targets = checkpoint_targets(read)
    published = Publisher(lambda use: use(store), time.time_ns).publish(key, targets, _SECONDS)
    _write(published.signed.note, output)
    problems = [one for one in published.outcomes if one.problem]
    for one in problems:
        complain(f"{one.target}: {one.problem}")
    return DENIED if problems else 0


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
