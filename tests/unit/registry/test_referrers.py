"""Receipts beside artifacts: a manifest with a subject, and the index of older registries."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from policyd.config import RegistryAccess
from policyd.errors import RegistryError
from policyd.registry import referrers
from policyd.registry.referrers import ARTIFACT_TYPE, ATTEMPTS, attach_receipt
from policyd.registry.transport import Remote
from tests.support.writable_registry import WritableRegistry, digest_of, writable_registry

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
TIME = "2026-11-30T12:00:00.000000000Z"
ARTIFACT = {"schemaVersion": 2, "mediaType": OCI, "layers": []}


@pytest.fixture
def writable() -> Iterator[WritableRegistry]:
    with writable_registry() as server:
        yield server


def attach(writable: WritableRegistry, digest: str, receipt: bytes = b"receipt\n") -> str:
    remote = Remote(RegistryAccess(url=writable.url, insecure=True))
    return attach_receipt(remote, "demo/app", digest, receipt, TIME)


def fallback(digest: str) -> str:
    return f"sha256-{digest.removeprefix('sha256:')}"


def test_the_manifest_names_the_artifact_and_holds_the_receipt(writable: WritableRegistry) -> None:
    writable.lists_referrers = True
    digest = writable.hold(ARTIFACT)

    attached = attach(writable, digest)

    assert writable.document(attached) == {
        "schemaVersion": 2,
        "mediaType": OCI,
        "artifactType": "application/vnd.policyd.receipt.v1",
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": digest_of(b"{}"),
            "size": 2,
        },
        "layers": [
            {
                "mediaType": "application/vnd.in-toto.bundle",
                "digest": digest_of(b"receipt\n"),
                "size": 8,
            }
        ],
        "subject": {
            "mediaType": OCI,
            "digest": digest,
            "size": len(json.dumps(ARTIFACT)),
        },
        "annotations": {"org.opencontainers.image.created": TIME},
    }
    assert writable.blobs[digest_of(b"receipt\n")] == b"receipt\n"
    assert fallback(digest) not in writable.manifests


def test_an_older_registry_gets_an_index_under_a_tag(writable: WritableRegistry) -> None:
    digest = writable.hold(ARTIFACT)
    other = {"mediaType": OCI, "digest": f"sha256:{'0' * 64}", "size": 1}
    writable.hold({"schemaVersion": 2, "mediaType": INDEX, "manifests": [other]}, fallback(digest))

    attached = attach(writable, digest)
    again = attach(writable, digest)
    second = attach(writable, digest, b"another\n")

    assert again == attached
    assert writable.manifests[fallback(digest)][0] == INDEX
    index = writable.document(fallback(digest))
    assert [one["digest"] for one in index["manifests"]] == [other["digest"], attached, second]
    assert index["manifests"][1] == {
        "mediaType": OCI,
        "digest": attached,
        "size": len(writable.manifests[attached][1]),
        "artifactType": ARTIFACT_TYPE,
        "annotations": {"org.opencontainers.image.created": TIME},
    }


def test_what_another_program_adds_at_the_same_time_stays(writable: WritableRegistry) -> None:
    digest = writable.hold(ARTIFACT)
    other = {"mediaType": OCI, "digest": f"sha256:{'0' * 64}", "size": 1}
    writable.hold({"schemaVersion": 2, "manifests": []}, fallback(digest))

    def interfere() -> None:
        writable.before_index = lambda: None
        writable.hold({"schemaVersion": 2, "manifests": [other]}, fallback(digest))

    writable.before_index = interfere

    attached = attach(writable, digest)

    index = writable.document(fallback(digest))
    assert [one["digest"] for one in index["manifests"]] == [other["digest"], attached]


def test_it_gives_up_when_the_index_changes_each_time(writable: WritableRegistry) -> None:
    digest, numbers = writable.hold(ARTIFACT), iter(range(100))
    writable.hold({"schemaVersion": 2, "manifests": []}, fallback(digest))
    writable.before_index = lambda: writable.hold(
        {"schemaVersion": 2, "manifests": [], "annotations": {"n": str(next(numbers))}},
        fallback(digest),
    )

    with pytest.raises(RegistryError) as raised:
        attach(writable, digest)

    assert str(raised.value) == (
        f"the index {fallback(digest)} was changed by others at each attempt"
    )
    assert next(numbers) == ATTEMPTS


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        (b"[]", "a manifest from the registry is not a JSON object"),
        (b"{", "a manifest from the registry is not valid JSON"),
        (b'{"manifests": 1}', "the tag {} is not an index of referrers"),
        (b'{"manifests": [1]}', "the tag {} is not an index of referrers"),
    ],
)
def test_a_tag_that_is_no_index_is_left_alone(
    writable: WritableRegistry, held: bytes, sentence: str
) -> None:
    digest = writable.hold(ARTIFACT)
    writable.manifests[fallback(digest)] = ("", held)

    with pytest.raises(RegistryError) as raised:
        attach(writable, digest)

    assert str(raised.value) == sentence.format(fallback(digest))
    assert writable.manifests[fallback(digest)] == ("", held)


def test_an_artifact_that_was_exchanged_gets_no_receipt(writable: WritableRegistry) -> None:
    digest = writable.hold(ARTIFACT)
    writable.manifests[digest] = (OCI, b"{}")

    with pytest.raises(RegistryError) as raised:
        attach(writable, digest)

    assert str(raised.value) == f"the manifest from the registry does not match {digest}"
    assert referrers.ARTIFACT_TYPE not in str(writable.manifests)
