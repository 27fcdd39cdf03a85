"""Remember the configurations of images until a request to the daemon may change them.

In: what looks an image up, and the requests that the gate sees. Out: configurations as the daemon
has them. A lookup takes three messages between the gate and the daemon, because the daemon asks its
plugin about it too. Images change by requests, which pass the gate before and after the daemon
handles them: nothing is remembered meanwhile. A daemon in a swarm pulls images without a request,
so nothing is remembered there. Source: Docker Engine API 1.41 and 1.51 (requests that change
images: ImageCreate, ImageLoad, ImageTag, ImageDelete, ImagePrune, ImageCommit, ImageBuild,
Session).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from policyd.host.call import Call
from policyd.model import ImageConfig

KNOWN_SECONDS: Final = 60.0
"""How long a configuration is remembered: an administrator may take the plugin away meanwhile."""
CHANGING_SECONDS: Final = 3600.0
"""How long a request may change images of which the daemon does not say that it is handled."""
MAX_IMAGES: Final = 1_000

_NO_IMAGES: Final = re.compile(r"/(?:containers|exec|networks|volumes)/.+|/auth")
"""Paths of requests that change no image. All others might."""


def may_change_images(call: Call) -> bool:
    """Return whether `call` may change what the name of an image means."""
    return not call.is_reading and _NO_IMAGES.fullmatch(call.path) is None


class KnownImages:
    """The images of one daemon. May be used by many threads at once."""

    def __init__(
        self,
        look_up: Callable[[str], ImageConfig | None],
        is_in_swarm: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`look_up` and `is_in_swarm` ask the daemon; `clock` returns seconds."""
        self._look_up = look_up
        self._is_in_swarm = is_in_swarm
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, ImageConfig | None] = {}
        self._swarm: _Swarm | None = None
        self._changing: list[_Change] = []
        self._changes = 0

    def config(self, name: str) -> ImageConfig | None:
        """Return the configuration of the image `name`, None if the daemon does not have it.

        Raises what looking it up raises.
        """
        with self._lock:
            self._forget_old()
            if name in self._known:
                return self._known[name]
            changes, swarm, is_changing = self._changes, self._swarm, bool(self._changing)
        if is_changing:
            return self._look_up(name)
        swarm = swarm or _Swarm(self._clock(), self._is_in_swarm())
        found = self._look_up(name)
        with self._lock:
            if changes == self._changes:
                self._swarm = swarm
                if not swarm.is_member and len(self._known) < MAX_IMAGES:
                    self._known[name] = found
        return found

    def changing(self, call: Call) -> None:
        """Learn that `call` begins, which may change images."""
        with self._lock:
            self._changing.append(_Change(_key(call), self._clock()))
            self._forget()

    def changed(self, call: Call) -> None:
        """Learn that `call` is handled or denied."""
        key = _key(call)
        with self._lock:
            for place, one in enumerate(self._changing):
                if one.key == key:
                    del self._changing[place]
                    break
            self._forget()

    def restarted(self) -> None:
        """Learn that the daemon has started, so that no request is being handled."""
        with self._lock:
            self._changing.clear()
            self._forget()

    def _forget_old(self) -> None:
        now = self._clock()
        while self._changing and now - self._changing[0].began > CHANGING_SECONDS:
            del self._changing[0]
        if self._swarm is not None and now - self._swarm.asked > KNOWN_SECONDS:
            self._forget()

    def _forget(self) -> None:
        self._changes += 1
        self._swarm = None
        self._known.clear()


class _Change(NamedTuple):
    """A request that is being handled, and when it began."""

    key: tuple[object, ...]
    began: float


def _key(call: Call) -> tuple[object, ...]:
    return call.method, call.path, call.query, call.user


class _Swarm(NamedTuple):
    """Whether the daemon was in a swarm, and when it was asked."""

    asked: float
    is_member: bool
