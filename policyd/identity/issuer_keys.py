"""Keep the public keys of one issuer, and request them again when they may have changed.

In: the settings of an issuer, the id of a key. Out: the key. The keys come from the file that the
settings name, or from the issuer: its discovery document names the address of its keys. The last
keys go on counting for a day while the issuer cannot be reached, also in a new process. Errors:
Unauthorized for a key that the issuer does not have, IdentityUnavailable while its keys are not
known.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import structlog
from jwt import PyJWK

from policyd.audit.key_sets import KeptKeySet
from policyd.deadline import Deadline, remaining
from policyd.errors import AuditError, IdentityError, IdentityUnavailable, Unauthorized
from policyd.identity.discovery import address_of, discovery_document, get
from policyd.identity.key_set import MAX_KEY_SET, read_key_set

if TYPE_CHECKING:
    from policyd.audit.key_sets import KeySets
    from policyd.issuer_settings import Issuer

LIFETIME: Final = 300.0
"""Seconds after which keys are requested again."""
PAUSE: Final = 10.0
"""Least seconds between two requests, whatever tokens come and whether they succeed."""
MAX_AGE: Final = 24 * 3600.0
"""Seconds for which keys count while the issuer cannot be reached."""
TIMEOUT: Final = 5.0
"""Seconds that requesting the keys may take in all."""

log = structlog.get_logger("policyd.identity")


class IssuerKeys:
    """The keys of one issuer. Threads may share it."""

    def __init__(
        self,
        name: str,
        issuer: Issuer,
        clock: Callable[[], float] = time.monotonic,
        kept: KeySets | None = None,
    ) -> None:
        """`clock` returns seconds. The file that `issuer` names is read when a key is needed.

        `kept` are the last keys of issuers, None where a new process begins without keys.
        """
        self._kept = None if issuer.jwks_file else kept
        self._is_restored = False
        self._name = name
        self._issuer = issuer
        self._clock = clock
        self._requesting = threading.Lock()
        self._keys: Mapping[str, PyJWK] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None

    def find(self, key_id: str) -> PyJWK:
        """Return the key with the id `key_id`. Raises Unauthorized, IdentityUnavailable."""
        age = self._age(self._read_at)
        known = self._keys.get(key_id) if age < MAX_AGE else None
        if known is None or age >= LIFETIME:
            # With a known key, no thread waits for another one that requests the keys.
            if self._requesting.acquire(blocking=known is None):
                try:
                    self._refresh(key_id)
                finally:
                    self._requesting.release()
            if self._age(self._read_at) >= MAX_AGE:
                raise IdentityUnavailable(
                    f"the keys of the issuer {self._name} cannot be read at the moment"
                )
            known = self._keys.get(key_id)
        if known is None:
            raise Unauthorized(f"the issuer {self._name} has no key that the token names")
        return known

    def _age(self, moment: float | None) -> float:
        return float("inf") if moment is None else self._clock() - moment

    def _refresh(self, key_id: str) -> None:
        self._restore()
        is_fresh = self._age(self._read_at) < LIFETIME and key_id in self._keys
        if is_fresh or self._age(self._tried_at) < PAUSE:
            return
        self._tried_at = self._clock()
        try:
            text = self._text()
            self._keys = read_key_set(text)
        except IdentityError:
            return  # the last keys go on counting until they are too old
        self._read_at = self._clock()
        self._keep(text)

    def _restore(self) -> None:
        """Take over the keys that another process read, once, if they are not too old."""
        if self._kept is None or self._is_restored:
            return
        try:
            found = self._kept.find(self._issuer.issuer)
            self._is_restored = True
            age = time.time() - found.read if found else MAX_AGE
            if found and 0 <= age < MAX_AGE:
                self._keys = read_key_set(found.content)
                self._read_at = self._clock() - age
        except (AuditError, IdentityError) as error:
            log.warning("keys of issuer not restored", issuer=self._name, reason=str(error))

    def _keep(self, text: bytes) -> None:
        if self._kept is None:
            return
        try:
            self._kept.keep(self._issuer.issuer, KeptKeySet(text, int(time.time())))
        except AuditError as error:
            log.warning("keys of issuer not kept", issuer=self._name, reason=str(error))

    def _text(self) -> bytes:
        if self._issuer.jwks_file:
            try:
                with open(self._issuer.jwks_file, "rb") as file:
                    return file.read(MAX_KEY_SET + 1)
            except OSError as error:
                raise IdentityError(f"the file of keys cannot be read: {error}") from error
        with Deadline(remaining(TIMEOUT)) as deadline:
            issuer = self._issuer.issuer
            document = discovery_document(issuer, deadline)
            hosts = self._issuer.jwks_hosts
            return get(
                address_of(document, "jwks_uri", "keys", issuer, hosts), MAX_KEY_SET, deadline
            )
