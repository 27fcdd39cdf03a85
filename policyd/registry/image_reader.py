"""Read the configurations of images from the registries that the settings name.

In: references and platforms as a project writes them, which may be hostile. Out: a configuration
for each, or one sentence that says why it could not be read. Only registries in the settings are
asked. All images of a review share a deadline; what is not read by then is reported, and its
connections are ended. A limited number of threads reads from each registry. Configurations are
cached by digest; a tag is resolved for each review, because it may have moved.
"""

from __future__ import annotations

import queue
import threading
from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from policyd.deadline import Deadline, remaining
from policyd.errors import RegistryError
from policyd.model import ImageConfig
from policyd.registry import image_reference, platforms
from policyd.registry.artifact import MAX_MANIFEST, Descriptor, is_digest, sha256
from policyd.registry.image_cache import CacheKey, ImageCache
from policyd.registry.image_manifest import (
    IMAGE_TYPES,
    index_or_config,
    manifest_for,
    read_config,
)
from policyd.registry.image_reference import ImageReference
from policyd.registry.transport import Remote, RepositoryReader, UnexpectedStatus
from policyd.workloads.image_configs import ImageRequest, ImagesRead

MAX_IMAGES: Final = 100
"""Images of one review that are read."""
MAX_THREADS: Final = 4
"""Threads that read from one registry for one review."""
MAX_REQUESTS: Final = 16
"""Images that one process reads from one registry at the same time."""

_Done = queue.SimpleQueue[tuple[ImageRequest, ImageConfig | str | Exception]]


class RegistryImages:
    """Reads configurations from registries. Threads may share it, processes may not."""

    def __init__(self, remotes: Mapping[str, Remote], seconds: float) -> None:
        """`remotes` are by their host in references; `seconds` are for all images of a review."""
        self._remotes = remotes
        self._seconds = seconds
        self._cache = ImageCache()
        self._busy = {host: threading.BoundedSemaphore(MAX_REQUESTS) for host in remotes}

    def read(self, wanted: Collection[ImageRequest]) -> ImagesRead:
        """Return the configuration of each of `wanted`, or a sentence that says why not."""
        configs: dict[ImageRequest, ImageConfig] = {}
        problems: dict[ImageRequest, str] = {}
        waiting: defaultdict[str, deque[tuple[ImageRequest, ImageReference]]] = defaultdict(deque)
        for number, request in enumerate(wanted):
            try:
                if number >= MAX_IMAGES:
                    raise RegistryError(f"only {MAX_IMAGES} images of a project are read")
                reference = self._reference(request)
            except RegistryError as error:
                problems[request] = str(error)
                continue
            if config := self._cached(request, reference):
                configs[request] = config
            else:
                waiting[reference.host].append((request, reference))
        for request, result in self._read_all(waiting).items():
            if isinstance(result, str):
                problems[request] = result
            else:
                configs[request] = result
        return ImagesRead(configs, problems)

    def _reference(self, request: ImageRequest) -> ImageReference:
        reference = image_reference.parse(request.reference)
        if reference.host not in self._remotes:
            raise RegistryError(f"the registry {reference.host} is not in image_registries")
        if request.platform and platforms.parse(request.platform) is None:
            raise RegistryError("the platform is not valid")
        return reference

    def _cached(self, request: ImageRequest, reference: ImageReference) -> ImageConfig | None:
        return self._cache.get(_key(reference, reference.digest, request.platform))

    def _read_all(
        self, waiting: Mapping[str, deque[tuple[ImageRequest, ImageReference]]]
    ) -> dict[ImageRequest, ImageConfig | str]:
        """Return the result for each request, by the deadline."""
        with Deadline(remaining(self._seconds)) as deadline:
            return self._read_until(deadline, waiting)

    def _read_until(
        self,
        deadline: Deadline,
        waiting: Mapping[str, deque[tuple[ImageRequest, ImageReference]]],
    ) -> dict[ImageRequest, ImageConfig | str]:
        done: _Done = queue.SimpleQueue()
        late = f"it took more than {self._seconds:g} s"
        results: dict[ImageRequest, ImageConfig | str] = {
            request: late for tasks in waiting.values() for request, _ in tasks
        }
        for host, tasks in waiting.items():
            for _ in range(min(MAX_THREADS, len(tasks))):
                # A daemon, because a process must not wait for a registry when it ends.
                threading.Thread(
                    target=self._work,
                    args=(host, tasks, deadline, done),
                    name="policyd-images",
                    daemon=True,
                ).start()
        for _ in range(len(results)):
            try:
                request, result = done.get(timeout=deadline.remaining())
            except queue.Empty:
                break
            if isinstance(result, Exception):
                raise result
            results[request] = result
        return results

    def _work(
        self,
        host: str,
        tasks: deque[tuple[ImageRequest, ImageReference]],
        deadline: Deadline,
        done: _Done,
    ) -> None:
        """Read images from one registry until none is left or the deadline has passed."""
        while deadline.remaining():
            try:
                request, reference = tasks.popleft()
            except IndexError:
                return
            if not self._busy[host].acquire(timeout=deadline.remaining()):
                return
            try:
                done.put((request, self._read(request, reference, deadline)))
            except RegistryError as error:
                if deadline.remaining():
                    done.put((request, str(error)))
            except Exception as error:  # noqa: BLE001 (the thread of the review raises it)
                done.put((request, error))
            finally:
                self._busy[host].release()

    def _read(
        self, request: ImageRequest, reference: ImageReference, deadline: Deadline
    ) -> ImageConfig:
        remote = self._remotes[reference.host]
        with RepositoryReader(remote, reference.repository, deadline, IMAGE_TYPES) as reader:
            try:
                return self._read_from(reader, request, reference)
            except UnexpectedStatus as error:
                raise RegistryError(
                    _explained(error.http_status, reference.host, remote)
                ) from error

    def _read_from(
        self, reader: RepositoryReader, request: ImageRequest, reference: ImageReference
    ) -> ImageConfig:
        content = None
        digest = reference.digest or reader.digest(f"manifests/{reference.tag}")
        if not is_digest(digest):
            content = reader.get(f"manifests/{reference.tag}", MAX_MANIFEST)
            digest = sha256(content)
        key = _key(reference, digest, request.platform)
        if cached := self._cache.get(key):
            return cached
        config = _config(reader, request.platform, digest, content)
        self._cache.put(key, config)
        return config


def _config(
    reader: RepositoryReader, platform: str, digest: str, content: bytes | None
) -> ImageConfig:
    """Return the configuration of the image that `digest` stands for on `platform`."""
    wanted = platforms.parse(platform) or platforms.DEFAULT
    found = index_or_config(content or reader.get(f"manifests/{digest}", MAX_MANIFEST), digest)
    if isinstance(found, tuple):
        inner = manifest_for(found, wanted)
        found = index_or_config(reader.get(f"manifests/{inner}", MAX_MANIFEST), inner)
    if not isinstance(found, Descriptor):
        raise RegistryError("the index leads to another index")
    config, own = read_config(reader.get(f"blobs/{found.digest}", found.size), found)
    # Without a platform, Docker runs the only image that there is.
    if platform and own not in wanted.acceptable():
        raise RegistryError(f"the image is for {own}, not for {wanted}")
    return msgspec.structs.replace(config, source="registry", digest=digest, platform=str(own))


def _key(reference: ImageReference, digest: str, platform: str) -> CacheKey:
    return CacheKey(reference.host, reference.repository, digest, platform)


def _explained(status: int, host: str, remote: Remote) -> str:
    """Return what an HTTP status of a registry means for the image."""
    if status == 404:
        return f"the registry {host} does not have it"
    if status in (401, 403):
        login = "its configured user" if remote.access.username else "a request without a login"
        return f"the registry {host} does not allow {login} to read it"
    if status == 429:
        return f"the registry {host} limits the number of requests"
    return f"the registry {host} answered {status}"
