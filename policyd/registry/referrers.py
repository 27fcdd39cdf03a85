"""Attach a receipt to an artifact in a registry, so that whoever pulls the artifact finds it.

In: a registry, the artifact, the text of a receipt. Out: a manifest in the same repository, whose
`subject` is the artifact. Where the registry does not list referrers itself, it is added to the
index under the tag `sha256-<digest>`. Errors: RegistryError. Source: OCI distribution specification
1.1, "Referrers Tag Schema"; OCI image specification 1.1, "Guidance for an Empty Descriptor".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from policyd.deadline import Deadline, remaining
from policyd.errors import RegistryError
from policyd.model import to_json
from policyd.registry.artifact import MANIFEST_TYPES, MAX_MANIFEST, sha256
from policyd.registry.client import TOTAL_TIMEOUT
from policyd.registry.transport import Remote, UnexpectedStatus
from policyd.registry.upload import RepositoryWriter

ARTIFACT_TYPE: Final = "application/vnd.policyd.receipt.v1"
LAYER_TYPE: Final = "application/vnd.in-toto.bundle"
INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
EMPTY: Final = b"{}"
ATTEMPTS: Final = 5
"""How often the index is written again when somebody else changed it at the same time."""

Descriptor = dict[str, Any]


class Attachment(RepositoryWriter):
    """The requests that attach receipts to artifacts of one repository."""

    def attach(self, digest: str, receipt: bytes, created: str) -> str:
        """Attach `receipt` to the artifact with `digest`; return the digest of its manifest.

        `created` is the time of the decision, RFC 3339. The same receipt is attached once.
        """
        subject = self.get(f"manifests/{digest}", MAX_MANIFEST)
        if sha256(subject) != digest:
            raise RegistryError(f"the manifest from the registry does not match {digest}")
        self.put_blob(EMPTY)
        self.put_blob(receipt)
        manifest = _manifest(_descriptor(_media_type(subject), subject), receipt, created)
        added = _descriptor(MANIFEST_TYPE, manifest)
        answer = self.put_manifest(added["digest"], manifest, MANIFEST_TYPE)
        if "OCI-Subject" not in answer:  # the registry does not list referrers itself
            self._add_to_index(f"sha256-{digest.removeprefix('sha256:')}", added, created)
        return str(added["digest"])

    def _add_to_index(self, tag: str, added: Descriptor, created: str) -> None:
        """Add `added` to the index `tag`. Another program may change it at the same time."""
        entry = {
            **added,
            "artifactType": ARTIFACT_TYPE,
            "annotations": {"org.opencontainers.image.created": created},
        }
        for _ in range(ATTEMPTS):
            entries, found = self._index(tag)
            if any(one.get("digest") == added["digest"] for one in entries):
                return
            index = {
                "schemaVersion": 2,
                "mediaType": INDEX_TYPE,
                "manifests": [*entries, entry],
            }
            try:
                self.put_manifest(tag, to_json(index), INDEX_TYPE, found)
            except UnexpectedStatus as error:
                if error.http_status != HTTPStatus.PRECONDITION_FAILED:
                    raise
        entries, _ = self._index(tag)
        if all(one.get("digest") != added["digest"] for one in entries):
            raise RegistryError(f"the index {tag} was changed by others at each attempt")

    def _index(self, tag: str) -> tuple[Sequence[Descriptor], str]:
        """Return the entries of the index `tag`, and its digest as an ETag, "" without one."""
        try:
            content = self.get(f"manifests/{tag}", MAX_MANIFEST)
        except UnexpectedStatus as error:
            if error.http_status == HTTPStatus.NOT_FOUND:
                return (), ""
            raise
        entries = _object(content).get("manifests")
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise RegistryError(f"the tag {tag} is not an index of referrers")
        return entries, f'"{sha256(content)}"'


def attach_receipt(
    remote: Remote, repository: str, digest: str, receipt: bytes, created: str
) -> str:
    """Attach `receipt` to the artifact `digest` of `repository`; return the manifest's digest."""
    with (
        Deadline(remaining(TOTAL_TIMEOUT)) as deadline,
        Attachment(remote, repository, deadline, (*MANIFEST_TYPES, INDEX_TYPE)) as attachment,
    ):
        return attachment.attach(digest, receipt, created)


def _manifest(subject: Descriptor, receipt: bytes, created: str) -> bytes:
    return to_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": ARTIFACT_TYPE,
            "config": _descriptor(EMPTY_TYPE, EMPTY),
            "layers": [_descriptor(LAYER_TYPE, receipt)],
            "subject": subject,
            "annotations": {"org.opencontainers.image.created": created},
        }
    )


def _descriptor(media_type: str, content: bytes) -> Descriptor:
    return {"mediaType": media_type, "digest": sha256(content), "size": len(content)}


def _media_type(manifest: bytes) -> str:
    return str(_object(manifest).get("mediaType") or MANIFEST_TYPE)


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RegistryError("a manifest from the registry is not valid JSON") from error
    if not isinstance(found, dict):
        raise RegistryError("a manifest from the registry is not a JSON object")
    return found
