"""Find the addresses of a host within a time limit.

The resolver of the system cannot be interrupted, and asks a silent name server for half a minute.
In: a host and a port. Out: its addresses. Errors: TimeoutError, and socket.gaierror for a host that
has none. Source: getaddrinfo(3).
"""

from __future__ import annotations

import os
import socket
import threading
from typing import Final


class _Lookup(threading.Thread):
    """Asks the system once; threads that want the same meanwhile share the answer."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(name="policyd-lookup", daemon=True)
        self.found: list[str] = []
        self.error: OSError | None = None
        self.is_done = threading.Event()
        self._asked = (host, port)

    def run(self) -> None:
        try:
            self.found = _asked(*self._asked)
        except (OSError, UnicodeError) as error:
            self.error = error if isinstance(error, OSError) else socket.gaierror(str(error))
        self.is_done.set()


_lock: Final = threading.Lock()
_running: Final[dict[tuple[int, str, int], _Lookup]] = {}
"""The lookups that have not ended, by process, host and port: as many threads as hosts."""


def addresses(host: str, port: int, seconds: float) -> list[str]:
    """Return the addresses of `host` in the order in which they are to be tried.

    Raises TimeoutError when they are not known after `seconds`, and socket.gaierror.
    """
    try:
        return _asked(host, port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        lookup = _lookup(host, port)
    if not lookup.is_done.wait(seconds):
        raise TimeoutError(f"the address of {host} was not found in time")
    if lookup.error is not None:
        raise lookup.error
    return lookup.found


def _lookup(host: str, port: int) -> _Lookup:
    key = (os.getpid(), host, port)
    with _lock:
        lookup = _running.get(key)
        if lookup is None or lookup.is_done.is_set():
            lookup = _running[key] = _Lookup(host, port)
            lookup.start()
        return lookup


def _asked(host: str, port: int, flags: int = 0) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
