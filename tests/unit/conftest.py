"""A test registry, which answers as a test tells it: also in ways that no real one would."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from policyd.audit.store import open_store

if TYPE_CHECKING:
    from tests.support.history import History

EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


class RegistryServer(ThreadingHTTPServer):
    """Answers by path from `answers`: status, headers, body; `seen`, `encodings` are the requests.

    In `seen`, the path of a HEAD request begins with "HEAD ".

    With a `login`, everything below /v2/ needs that Authorization header, or gets `challenge`.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.login = ""
        self.challenge = ""
        self.seen: list[tuple[str, str]] = []
        self.encodings: list[str] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that hangs up: some tests are about that."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def push(self, files: dict[str, str], repository: str = "demo/simple", **manifest) -> str:
        """Hold `files` as `docker compose publish` would; return the manifest's digest."""
        layers = []
        for name, text in files.items():
            kind = "envfile" if name.endswith(".env") else "file+yaml"
            annotation = "com.docker.compose." + ("envfile" if name.endswith(".env") else "file")
            layers.append(
                {
                    "mediaType": f"application/vnd.docker.compose.{kind}",
                    "digest": self._hold(repository, "blobs", text.encode()),
                    "size": len(text.encode()),
                    "annotations": {annotation: name, "com.docker.compose.version": "5.0.1"},
                }
            )
        content = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/vnd.docker.compose.project",
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": EMPTY,
                "size": 2,
                "data": "e30=",
            },
            "layers": layers,
            **manifest,
        }
        return self._hold(repository, "manifests", json.dumps(content).encode())

    def push_image(
        self,
        repository: str,
        image_config: dict[str, object],
        tag: str = "",
        **manifest: object,
    ) -> str:
        """Hold an image with this configuration, and return the digest of its manifest."""
        content = json.dumps(image_config).encode()
        document = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": self._hold(repository, "blobs", content),
                "size": len(content),
            },
            "layers": [],
            **manifest,
        }
        return self.push_manifest(repository, document, tag)

    def push_index(self, repository: str, entries: list[dict[str, object]], tag: str = "") -> str:
        """Hold an index with these entries, and return its digest."""
        kind = "application/vnd.oci.image.index.v1+json"
        document = {"schemaVersion": 2, "mediaType": kind, "manifests": entries}
        return self.push_manifest(repository, document, tag)

    def push_manifest(self, repository: str, document: dict[str, object], tag: str = "") -> str:
        """Hold a manifest by its digest and, if there is one, by its tag; return the digest."""
        content = json.dumps(document).encode()
        digest = self._hold(repository, "manifests", content)
        if tag:
            headers = {"Docker-Content-Digest": digest}
            self.answers[f"/v2/{repository}/manifests/{tag}"] = (200, headers, content)
        return digest

    def _hold(self, repository: str, kind: str, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.answers[f"/v2/{repository}/{kind}/{digest}"] = (200, {}, content)
        return digest


class _Handler(BaseHTTPRequestHandler):
    server: RegistryServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer("")

    def do_HEAD(self) -> None:
        self._answer("HEAD ")

    def do_DELETE(self) -> None:
        self._answer("DELETE ")

    def _answer(self, method: str) -> None:
        given = self.headers.get("Authorization", "")
        self.server.seen.append((method + self.path, given))
        self.server.encodings.append(self.headers.get("Accept-Encoding", ""))
        status, headers, body = self.server.answers.get(self.path, (404, {}, b"{}"))
        if self.path.startswith("/v2/") and given != self.server.login:
            status, headers, body = 401, {"WWW-Authenticate": self.server.challenge}, b"{}"
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if not method:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def empty_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit log without events, to copy: the migrations take most of the time of a new one."""
    path = tmp_path_factory.mktemp("audit") / "audit.db"
    open_store(str(path)).close()
    return path


@pytest.fixture(scope="session")
def small_history(tmp_path_factory: pytest.TempPathFactory, empty_log: Path) -> History:
    """Two weeks of made-up decisions, only to be read."""
    # Imported here because few tests need the service.
    from tests.support.history import SMALL, record

    folder = tmp_path_factory.mktemp("history")
    shutil.copy(empty_log, folder / "audit.db")
    return record(folder, **SMALL)


@pytest.fixture
def silent_name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Names are not resolved before the end of the test."""
    resolve, is_over = socket.getaddrinfo, threading.Event()

    def asked(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if not options.get("flags", 0) & socket.AI_NUMERICHOST:
            is_over.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return resolve(host, port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    yield
    is_over.set()


@pytest.fixture
def start_registry() -> Iterator[Callable[[], RegistryServer]]:
    """A function that starts such a registry."""
    running: list[tuple[RegistryServer, threading.Thread]] = []

    def start() -> RegistryServer:
        server = RegistryServer()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def registry(start_registry: Callable[[], RegistryServer]) -> RegistryServer:
    """One such registry."""
    return start_registry()


@pytest.fixture
def stalling() -> Iterator[Callable[[bytes], str]]:
    """A function that starts a server which sends one text and then a byte now and then.

    Without a text it sends nothing.
    """
    stop = threading.Event()
    servers: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(server: socket.socket, start: bytes) -> None:
        open_connections = []
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                open_connections.append(connection)
                connection.sendall(start)
                thread = threading.Thread(target=trickle, args=(connection, start))
                thread.start()
                threads.append(thread)
        for connection in open_connections:
            connection.close()

    def trickle(connection: socket.socket, start: bytes) -> None:
        with contextlib.suppress(OSError):
            while start and not stop.wait(0.02):
                connection.sendall(b"x")

    def start(first: bytes) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)
        thread = threading.Thread(target=serve, args=(server, first))
        thread.start()
        threads.append(thread)
        return f"127.0.0.1:{server.getsockname()[1]}"

    yield start
    stop.set()
    for server in servers:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
    for thread in threads:
        thread.join()
