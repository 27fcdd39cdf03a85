"""The settings of where checkpoints of the audit log go: files, URLs and witnesses.

In: tables of the settings file. Out: the same with absolute paths. Errors: ConfigError.
"""

from __future__ import annotations

import os
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from policyd.errors import ConfigError, NoteError


class CheckpointCopy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A place outside of the audit log that gets each published checkpoint: a file or a URL."""

    file: Annotated[
        str, Meta(description="File that checkpoints are appended to, on another disk or machine.")
    ] = ""
    url: Annotated[
        str,
        Meta(
            description="URL that checkpoints are sent to. `{size}` in it stands for the number of "
            "events, so that each checkpoint is an object of its own."
        ),
    ] = ""
    method: Annotated[Literal["PUT", "POST"], Meta(description="HTTP method for `url`.")] = "PUT"
    token_file: Annotated[str, Meta(description="File with a bearer token for `url`.")] = ""
    ca_file: Annotated[
        str, Meta(description="CA certificates for verifying the server of `url`, a PEM file.")
    ] = ""
    insecure: Annotated[
        bool, Meta(description="Whether `url` may begin with http:// on another machine.")
    ] = False


class Witness(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A witness that cosigns checkpoints of the audit log (C2SP tlog-witness)."""

    url: Annotated[
        str,
        Meta(
            min_length=1,
            description="URL of the witness; checkpoints go to `add-checkpoint` below it.",
        ),
    ]
    public_key: Annotated[
        str, Meta(min_length=1, description="Public key of its cosignatures: NAME+ID+KEY.")
    ]
    token_file: Annotated[str, Meta(description="File with a bearer token for the witness.")] = ""
    ca_file: Annotated[
        str, Meta(description="CA certificates for verifying the witness, a PEM file.")
    ] = ""
    insecure: Annotated[
        bool, Meta(description="Whether `url` may begin with http:// on another machine.")
    ] = False


def completed_copy(copy: CheckpointCopy, label: str, base: str) -> CheckpointCopy:
    """Return `copy`, the table `label`, with paths below the folder `base`. Raises ConfigError."""
    if bool(copy.file) == bool(copy.url):
        raise ConfigError(f"{label}: set exactly one of file and url")
    return msgspec.structs.replace(
        copy,
        file=_path(base, copy.file),
        token_file=_path(base, copy.token_file),
        ca_file=_path(base, copy.ca_file),
    )


def completed_witness(witness: Witness, label: str, base: str) -> Witness:
    """Return `witness`, the table `label`, with paths below the folder `base`.

    Raises ConfigError, also if its key is not that of a witness.
    """
    # Imported here because it needs the package cryptography, which is optional.
    from policyd.transparency.note import COSIGNATURE, verifier_of

    try:
        verifier = verifier_of(witness.public_key)
    except NoteError as error:
        raise ConfigError(f"{label}.public_key: {error}") from error
    if verifier.kind != COSIGNATURE:
        raise ConfigError(f"{label}.public_key: the key of {verifier.name} is not for cosignatures")
    return msgspec.structs.replace(
        witness,
        token_file=_path(base, witness.token_file),
        ca_file=_path(base, witness.ca_file),
    )


def _path(base: str, path: str) -> str:
    return os.path.join(base, path) if path else ""
