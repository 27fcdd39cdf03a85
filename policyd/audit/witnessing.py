"""Have witnesses cosign checkpoints of the audit log.

In: a signed checkpoint, what proves that it extends an earlier one. Out: a cosignature, verified by
the key of the witness. The witness says which size it knows, so nothing has to be remembered.
Source: C2SP tlog-witness, add-checkpoint. Errors: DeliveryError.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from policyd.audit.checkpoint_copies import SignedCheckpoint
from policyd.errors import ConfigError, DeliveryError, NoteError
from policyd.http_endpoint import Answer, Endpoint
from policyd.transparency.note import Verifier, verifier_of
from policyd.transparency.witness import (
    SIZE_TYPE,
    cosignature,
    cosigners,
    known_size,
    request_body,
)

Proofs = Callable[[int, int], Sequence[bytes]]
"""Returns the proof that the tree of the second size extends that of the first."""

CONFLICT: Final = 409
_ATTEMPTS: Final = 3
"""Other replicas may be faster between the answer of the witness and the next request."""
_REASONS: Final = {
    400: "the checkpoint is malformed, or smaller than the one that it knows",
    403: "it does not accept the key of the log",
    404: "it does not know this log",
    422: "the checkpoint does not extend the one that it knows: the log was rewritten",
}
"""What the statuses of add-checkpoint mean."""


class WitnessClient:
    """Asks one witness."""

    def __init__(
        self,
        name: str,
        url: str,
        public_key: str,
        token_file: str = "",
        ca_file: str = "",
        *,
        insecure: bool = False,
    ) -> None:
        """`name` is that of the setting. Raises ConfigError."""
        self.name = name
        self._endpoint = Endpoint(
            url.rstrip("/"),
            f"{name}.url",
            token_file=token_file,
            ca_file=ca_file,
            insecure=insecure,
        )
        try:
            self.verifier: Verifier = verifier_of(public_key)
        except NoteError as error:
            raise ConfigError(f"{name}.public_key: {error}") from error
        self._known = 0

    def cosign(self, signed: SignedCheckpoint, proofs: Proofs, seconds: float) -> str:
        """Return the line by which the witness cosigns `signed`, "" if it did before."""
        if cosigners(signed.note, [self.verifier]):
            return ""
        checkpoint = signed.checkpoint
        for _ in range(_ATTEMPTS):
            answer = self._asked(signed, proofs, seconds)
            try:
                if answer.is_success:
                    line = cosignature(
                        answer.content, checkpoint.text, self.verifier, int(time.time())
                    )
                    self._known = checkpoint.size
                    return line
                self._known = self._size_in(answer)
            except NoteError as error:
                raise DeliveryError(f"{self._endpoint.name}: {error}") from error
            if self._known > checkpoint.size:
                raise DeliveryError(
                    f"{self._endpoint.name} knows a checkpoint of {self._known} events, but this "
                    f"one has {checkpoint.size}"
                )
        raise DeliveryError(f"{self._endpoint.name} received other checkpoints at the same time")

    def _asked(self, signed: SignedCheckpoint, proofs: Proofs, seconds: float) -> Answer:
        size = signed.checkpoint.size
        old = min(self._known, size)
        body = request_body(old, proofs(old, size), signed.note)
        return self._endpoint.send("POST", body, {}, seconds, "/add-checkpoint")

    def _size_in(self, answer: Answer) -> int:
        """Return the size that the witness knows. Raises DeliveryError if it does not say it."""
        if answer.status == CONFLICT and answer.content_type == SIZE_TYPE:
            return known_size(answer.content)
        reason = _REASONS.get(answer.status, "")
        raise DeliveryError(
            f"{self._endpoint.name} answered with status {answer.status}"
            + (f": {reason}" if reason else "")
        )
