"""`policyd receipt`: verify and show receipts of decisions, and print the key that signs them.

In: the file of a receipt, files of public keys. Out: what the receipt states. `verify` exits with 1
for a receipt that is not valid.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import click

from policyd import wire
from policyd.audit.moments import nanoseconds, read_moment
from policyd.cli import DENIED
from policyd.cli.options import settings, settings_options
from policyd.cli.output import format_option, show
from policyd.errors import ConfigError, ReceiptError
from policyd.formats.available import RECEIPT

MAX_KEYS_FILE: Final = 64 * 1024
"""Bytes of a file of public keys. A key has 113."""

_FILE: Final = click.Path(exists=True, dir_okay=False)

EPILOG: Final = """\b
Examples:
  policyd review --host gpu-01 --operation CREATE --receipt train.receipt
  policyd receipt verify train.receipt --public-key policyd.pub --host gpu-01
  policyd receipt inspect train.receipt --format json
\b
Exit codes of verify: 0 valid, 1 not valid, 2 nothing was verified.
"""


@click.group("receipt", epilog=EPILOG)
def command() -> None:
    """Verify signed receipts of decisions, without the audit log.

    A receipt states what a webhook decided, and is signed by its key. It has a DSSE envelope on
    each line: an in-toto statement about the admission, and a SLSA verification summary.
    """


@command.command("verify")
@settings_options()
@click.argument("file", type=_FILE)
@click.option(
    "--public-key", "key_files", type=_FILE, multiple=True, metavar="FILE",
    help="Public keys that are trusted, in PEM. May be repeated. Default: the setting "
    "receipt_public_keys_file.",
)  # fmt: skip
@click.option("--host", metavar="NAME", help="Host that the receipt must be for. Default: any.")
@click.option("--at", metavar="TIME", help="Verify as of this date or time. Default: now.")
@format_option(RECEIPT)
def verify(
    config: str | None,
    file: str,
    key_files: Sequence[str],
    host: str | None,
    at: str | None,
    form: str,
) -> int:
    """Verify that a trusted key signed a receipt, and that it is valid now.

    Needs no network. A receipt of a denial, an expired one and one for another host are not valid.
    """
    from policyd.receipts.keys import trusted_keys_of
    from policyd.receipts.verification import MAX_RECEIPT, verified

    now = nanoseconds(read_moment(at, "--at")) if at is not None else time.time_ns()
    paths = key_files or filter(None, [settings(config).receipt_public_keys_file])
    try:
        keys = [key for path in paths for key in trusted_keys_of(_read(path, MAX_KEYS_FILE), path)]
    except ReceiptError as error:
        raise ConfigError(str(error)) from error
    if not keys:
        raise click.UsageError("the public keys that are trusted are required: --public-key")
    content = _read(file, MAX_RECEIPT)
    try:
        found = verified(content, keys, now=now, host=host)
    except ReceiptError as error:
        document = wire.Receipt(source=file, verified=False, reason=str(error))
    else:
        document = wire.Receipt(
            source=file, verified=True, key_id=found.key_id, admission=found.admission
        )
    show(document, RECEIPT, form)
    return 0 if document.verified else DENIED


@command.command("inspect")
@click.argument("file", type=_FILE)
@format_option(RECEIPT)
def inspect(file: str, form: str) -> int:
    """Show what a receipt states. Nothing is verified: anybody may have written it."""
    from policyd.receipts.verification import MAX_RECEIPT, unverified

    content = _read(file, MAX_RECEIPT)
    show(
        wire.Receipt(source=file, verified=False, admission=unverified(content)),
        RECEIPT,
        form,
    )
    return 0


@command.command("public-key")
@settings_options()
def public_key(config: str | None) -> int:
    """Print the public key of the setting receipt_key_file, in PEM."""
    path = settings(config).receipt_key_file
    if not path:
        raise ConfigError("no key for receipts is configured: set receipt_key_file")
    from policyd.receipt_issuing import signing_key

    click.echo(signing_key(path).public.pem, nl=False)
    return 0


def _read(path: str, limit: int) -> bytes:
    """Return the content of the file at `path`. Raises ReceiptError."""
    try:
        with open(path, "rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise ReceiptError(f"{path}: cannot read the file: {error.strerror}") from error
    if len(content) > limit:
        raise ReceiptError(f"{path}: the file exceeds the limit of {limit} bytes")
    return content
