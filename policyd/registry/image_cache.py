"""Keep the configurations of images that were read, up to a size.

In and out: an ImageConfig by registry, repository, digest and platform, which never changes.
Threads may share a cache.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final, NamedTuple

from policyd.limits import MIB
from policyd.model import ImageConfig

MAX_CACHED: Final = 16 * MIB
"""Characters of all configurations in a cache. Most configurations have some 2 KiB."""
_ENTRY: Final = 512
"""Characters that an entry counts for without its texts."""


class CacheKey(NamedTuple):
    """`digest` is what a reference stood for, `platform` the one that the project names, or ""."""

    host: str
    repository: str
    digest: str
    platform: str


class ImageCache:
    """Holds what was used last, up to `limit` characters."""

    def __init__(self, limit: int = MAX_CACHED) -> None:
        self._limit = limit
        self._size = 0
        self._entries: OrderedDict[CacheKey, ImageConfig] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: CacheKey) -> ImageConfig | None:
        """Return the configuration with `key`, None if it is not held."""
        with self._lock:
            config = self._entries.get(key)
            if config is not None:
                self._entries.move_to_end(key)
            return config

    def put(self, key: CacheKey, config: ImageConfig) -> None:
        """Hold `config`, in place of those that were not used for longest."""
        with self._lock:
            if key in self._entries:
                return
            self._entries[key] = config
            self._size += _size(config)
            while self._size > self._limit:
                _, oldest = self._entries.popitem(last=False)
                self._size -= _size(oldest)


def _size(config: ImageConfig) -> int:
    return _ENTRY + config.characters()
