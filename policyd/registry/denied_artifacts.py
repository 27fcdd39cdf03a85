"""Do with a denied artifact what the settings of its registry say: delete it, or label it.

In: a repository, a digest, a tag. Out: nothing. Harbor deletes the tag and keeps the artifact;
distribution deletes the manifest, with all of its tags. Errors: RegistryError. Sources: OCI
distribution specification 1.1, "Content Management"; Harbor API 2.0, artifacts.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from policyd.config import Registry
from policyd.deadline import Deadline, remaining
from policyd.registry.artifact import MANIFEST_TYPES
from policyd.registry.client import TOTAL_TIMEOUT
from policyd.registry.transport import Remote, UnexpectedStatus
from policyd.registry.upload import RepositoryWriter


def mark_denied(registry: Registry, password: str, repository: str, digest: str, tag: str) -> None:
    """Delete or label the artifact, as `registry.on_denied` says. Repeating it changes nothing."""
    if registry.on_denied == "keep":
        return
    remote = Remote(registry, password)
    with (
        Deadline(remaining(TOTAL_TIMEOUT)) as deadline,
        RepositoryWriter(remote, repository, deadline, MANIFEST_TYPES) as writer,
    ):
        if registry.kind != "harbor":
            _settled(writer, "DELETE", f"manifests/{digest}", HTTPStatus.ACCEPTED)
            return
        artifact = _artifact_of_harbor(registry.url, repository, digest)
        if registry.on_denied == "label":
            content = {"id": registry.denied_label}
            _settled(writer, "POST", f"{artifact}/labels", HTTPStatus.OK, content)
        elif tag:
            _settled(writer, "DELETE", f"{artifact}/tags/{quote(tag, '')}", HTTPStatus.OK)


def _settled(
    writer: RepositoryWriter,
    method: str,
    path: str,
    expected: HTTPStatus,
    content: dict[str, int] | None = None,
) -> None:
    """Send a request; that the artifact is gone, or has the label, is as good."""
    try:
        writer.send(method, path, expected, content)
    except UnexpectedStatus as error:
        if error.http_status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            raise


def _artifact_of_harbor(url: str, repository: str, digest: str) -> str:
    """Return the URL of an artifact in Harbor's API, which wants slashes encoded twice."""
    project, _, name = repository.partition("/")
    encoded = quote(quote(name, ""), "")
    return (
        f"{url.rstrip('/')}/api/v2.0/projects/{quote(project, '')}/repositories/{encoded}"
        f"/artifacts/{digest}"
    )
