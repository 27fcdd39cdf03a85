"""Uploads: to the configured registry only, with a login if need be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from policyd.config import RegistryAccess
from policyd.deadline import Deadline
from policyd.errors import RegistryError
from policyd.registry.transport import Remote
from policyd.registry.upload import RepositoryWriter
from tests.support.writable_registry import WritableRegistry, digest_of, writable_registry


@pytest.fixture(scope="module")
def started() -> Iterator[WritableRegistry]:
    with writable_registry() as server:
        yield server


@pytest.fixture
def writable(started: WritableRegistry) -> WritableRegistry:
    """The registry, empty."""
    for held in (started.blobs, started.manifests, started.seen):
        held.clear()
    started.upload_url = started.login = ""
    return started


def upload(writable: WritableRegistry, content: bytes, **access: str) -> None:
    remote = Remote(RegistryAccess(url=writable.url, insecure=True, **access), "pa55")
    with Deadline(10) as deadline, RepositoryWriter(remote, "demo/app", deadline, ()) as writer:
        writer.put_blob(content)


def test_a_blob_is_uploaded_once(writable: WritableRegistry) -> None:
    upload(writable, b"content")
    upload(writable, b"content")

    digest = digest_of(b"content")
    assert writable.blobs == {digest: b"content"}
    assert writable.seen == [
        f"HEAD blobs/{digest}",
        "POST blobs/uploads/",
        "PUT blobs/uploads/1",
        f"HEAD blobs/{digest}",
    ]


def test_the_login_is_sent_when_the_registry_asks_for_it(writable: WritableRegistry) -> None:
    writable.login = "Basic Y2k6cGE1NQ=="  # ci:pa55

    upload(writable, b"content", username="ci")

    assert list(writable.blobs.values()) == [b"content"]


@pytest.mark.parametrize("url", ["http://elsewhere.example/upload", "//elsewhere.example/upload"])
def test_content_is_not_sent_to_another_host(writable: WritableRegistry, url: str) -> None:
    writable.upload_url = url

    with pytest.raises(RegistryError) as raised:
        upload(writable, b"content")

    assert str(raised.value) == f"{writable.url} names another host for an upload"


def test_a_refused_upload_is_an_error(writable: WritableRegistry) -> None:
    writable.login = "Basic other"

    with pytest.raises(RegistryError) as raised:
        upload(writable, b"content", username="ci")

    assert str(raised.value) == (
        f"{writable.url} answered 401 for demo/app blobs/{digest_of(b'content')}"
    )
