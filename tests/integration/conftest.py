"""A real registry: CNCF distribution, as Debian's docker-registry has it, and what pushes to it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

SECRET = "test-secret"
USER, PASSWORD = "ci", "pa55"
HTPASSWD = f"{USER}:$2y$05$abcdefghijklmnopqrstuudf3HefogPKF0jsklyPu4pStEPtwqax6\n"
"""PASSWORD, in the form that distribution reads."""
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
EMPTY = b"{}"


class Registry:
    """A running docker-registry that notifies `hook`."""

    def __init__(
        self, folder: Path, port: int, hook: str, *, references: bool, login: bool
    ) -> None:
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}"
        self.session = requests.Session()
        if login:
            (folder / "htpasswd").write_text(HTPASSWD)
            self.session.auth = (USER, PASSWORD)
        self._log = folder / "registry.log"
        config = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": False}},
            "storage": {
                "filesystem": {"rootdirectory": str(folder / "registry")},
                "delete": {"enabled": True},
            },
            "http": {"addr": self.host},
            "notifications": {
                "events": {"includereferences": references},
                "endpoints": [
                    {
                        "name": "policyd",
                        "url": hook,
                        "headers": {"Authorization": [f"Bearer {SECRET}"]},
                        "timeout": "2s",
                        "threshold": 3,
                        "backoff": "1s",
                        "ignore": {"mediatypes": ["application/octet-stream"]},
                    }
                ],
            },
        }
        if login:
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
        file = folder / "registry.json"
        file.write_text(json.dumps(config))  # JSON is YAML
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                ["docker-registry", "serve", str(file)], stdout=output, stderr=subprocess.STDOUT
            )

    def requests(self) -> list[str]:
        """Return method and path of each request with an answer so far."""
        lines = re.findall(r'"((?:GET|HEAD) /v2/[^ "]+) HTTP', self._log.read_text())
        return [str(line) for line in lines]

    def is_up(self) -> bool:
        try:
            return self.session.get(f"{self.url}/v2/").status_code == 200
        except requests.ConnectionError:
            return False

    def push(self, repository: str, manifest: bytes, blobs: list[bytes], tag: str = "1.0") -> str:
        """Push `blobs`, then `manifest`; return the digest of the manifest."""
        for content in blobs:
            started = self.session.post(f"{self.url}/v2/{repository}/blobs/uploads/")
            answer = self.session.put(
                started.headers["Location"],
                params={"digest": digest_of(content)},
                data=content,
                headers={"Content-Type": "application/octet-stream"},
            )
            assert answer.status_code == 201, answer.text
        kind = json.loads(manifest).get("mediaType", OCI_MANIFEST)
        answer = self.session.put(
            f"{self.url}/v2/{repository}/manifests/{tag}",
            data=manifest,
            headers={"Content-Type": kind},
        )
        assert answer.status_code == 201, answer.text
        return digest_of(manifest)

    def push_image(
        self,
        repository: str,
        image_config: dict[str, Any],
        tag: str = "1.0",
        **manifest: Any,
    ) -> str:
        """Push an image without layers that has this configuration."""
        content = json.dumps(image_config).encode()
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest_of(content),
                "size": len(content),
            },
            "layers": [],
            **manifest,
        }
        return self.push(repository, json.dumps(document).encode(), [content], tag)

    def push_index(self, repository: str, manifests: dict[str, str], tag: str = "1.0") -> str:
        """Push an index of pushed manifests: their digests by platform."""
        entries = []
        for platform, digest in manifests.items():
            url = f"{self.url}/v2/{repository}/manifests/{digest}"
            size = len(self.session.get(url, headers={"Accept": OCI_MANIFEST}).content)
            system, architecture = platform.split("/")
            entries.append(
                {
                    "mediaType": OCI_MANIFEST,
                    "digest": digest,
                    "size": size,
                    "platform": {"os": system, "architecture": architecture},
                }
            )
        kind = "application/vnd.oci.image.index.v1+json"
        document = {"schemaVersion": 2, "mediaType": kind, "manifests": entries}
        return self.push(repository, json.dumps(document).encode(), [], tag)

    def push_recorded(self, name: str, repository: str = "") -> str:
        """Push the artifact recorded as artifacts/`name`.json, whose blobs are in its `data`."""
        manifest = (Path(__file__).parent / "artifacts" / f"{name}.json").read_bytes()
        blobs = [base64.b64decode(layer["data"]) for layer in json.loads(manifest)["layers"]]
        return self.push(repository or f"demo/{name}", manifest, [EMPTY, *blobs])

    def push_files(
        self, repository: str, files: list[tuple[dict[str, str], bytes]], **changes: Any
    ) -> str:
        """Push an artifact of Compose files: annotations and content of each layer."""
        layers = [
            {
                "mediaType": "application/vnd.docker.compose.file+yaml",
                "digest": digest_of(content),
                "size": len(content),
                "annotations": annotations,
            }
            for annotations, content in files
        ]
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/vnd.docker.compose.project",
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": digest_of(EMPTY),
                "size": len(EMPTY),
            },
            "layers": layers,
            **changes,
        }
        blobs = [EMPTY, *(content for _, content in files)]
        return self.push(repository, json.dumps(manifest).encode(), blobs)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def start_registry(
    tmp_path: Path, free_port: Callable[[], int], until: Callable[..., None]
) -> Iterator[Callable[..., Registry]]:
    """A function that starts a registry which notifies a URL."""
    if shutil.which("docker-registry") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("docker-registry is not installed: apt-get install docker-registry")
        pytest.skip("docker-registry is not installed")
    running: list[Registry] = []

    def start(hook: str, *, references: bool = True, login: bool = False) -> Registry:
        registry = Registry(tmp_path, free_port(), hook, references=references, login=login)
        running.append(registry)
        until(registry.is_up)
        return registry

    yield start
    for registry in running:
        registry.session.close()
        registry.process.terminate()
        registry.process.wait()
