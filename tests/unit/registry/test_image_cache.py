from __future__ import annotations

from policyd.model import ImageConfig
from policyd.registry.image_cache import CacheKey, ImageCache


def key(name: str) -> CacheKey:
    return CacheKey("hub", name, "sha256:x", "")


def config(size: int) -> ImageConfig:
    """Return a configuration that counts for `size` characters."""
    return ImageConfig({"A": "1"}, "u" * (size - 512 - 2))


def test_what_was_put_is_found_by_every_part_of_its_key() -> None:
    cache = ImageCache()
    cache.put(key("a"), config(600))

    assert cache.get(key("a")) == config(600)
    assert cache.get(key("b")) is None
    assert cache.get(key("a")._replace(platform="linux/arm64")) is None


def test_the_size_is_limited_and_what_was_used_last_stays() -> None:
    cache = ImageCache(limit=2000)
    for name in "abc":
        cache.put(key(name), config(600))
    assert cache.get(key("a"))

    cache.put(key("d"), config(700))

    assert [name for name in "abcd" if cache.get(key(name))] == ["a", "c", "d"]


def test_an_entry_that_is_put_again_counts_once() -> None:
    cache = ImageCache(limit=1300)
    for _ in range(3):
        cache.put(key("a"), config(600))
    cache.put(key("b"), config(700))

    assert [name for name in "ab" if cache.get(key(name))] == ["a", "b"]


def test_what_is_larger_than_the_limit_is_not_kept() -> None:
    cache = ImageCache(limit=600)
    cache.put(key("a"), config(601))
    assert cache.get(key("a")) is None
    cache.put(key("b"), config(600))
    assert cache.get(key("b"))
