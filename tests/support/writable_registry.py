"""A registry in this process that takes uploads, with or without a list of referrers."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class WritableRegistry(ThreadingHTTPServer):
    """Holds `blobs` and `manifests` (by digest and tag) of one repository, named `demo/app`.

    `lists_referrers` says whether it knows subjects; `before_index` is called before an index is
    stored; `upload_url` is where it sends uploads to; `login` is the required header.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.seen: list[str] = []
        self.lists_referrers = False
        self.before_index: Callable[[], None] = lambda: None
        self.upload_url = ""
        self.login = ""
        self.challenge = 'Basic realm="test"'

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def hold(self, document: dict[str, Any], tag: str = "") -> str:
        """Hold a manifest, and return its digest."""
        content = json.dumps(document).encode()
        digest = digest_of(content)
        for name in filter(None, (digest, tag)):
            self.manifests[name] = (document.get("mediaType", ""), content)
        return digest

    def document(self, name: str) -> Any:
        """Return the manifest with this tag or digest."""
        return json.loads(self.manifests[name][1])


class _Handler(BaseHTTPRequestHandler):
    server: WritableRegistry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._handle()

    def do_HEAD(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path.removeprefix("/v2/demo/app/")
        self.server.seen.append(f"{self.command} {path}")
        if self.headers.get("Authorization", "") != self.server.login:
            self._answer(401, {"WWW-Authenticate": self.server.challenge})
        elif self.command in ("GET", "HEAD"):
            self._read(path)
        elif self.command == "POST":
            where = self.server.upload_url or "/v2/demo/app/blobs/uploads/1?state=x"
            self._answer(202, {"Location": where})
        elif path.startswith("blobs/"):
            digest = parse_qs(urlsplit(self.path).query)["digest"][0]
            assert digest == digest_of(body)
            self.server.blobs[digest] = body
            self._answer(201)
        else:
            self._store(path.removeprefix("manifests/"), body)

    def _read(self, path: str) -> None:
        kind, _, name = path.partition("/")
        held = self.server.manifests.get(name, ("", b""))[1] if kind == "manifests" else b""
        content = held or self.server.blobs.get(name, b"")
        self._answer(200 if content else 404, body=content)

    def _store(self, name: str, body: bytes) -> None:
        document = json.loads(body)
        if "manifests" in document:
            self.server.before_index()
            held = self.server.manifests.get(name)
            expected = self.headers.get("If-Match")
            if expected and (held is None or expected != f'"{digest_of(held[1])}"'):
                self._answer(412)
                return
        for each in (name, digest_of(body)):
            self.server.manifests[each] = (self.headers["Content-Type"], body)
        knows = self.server.lists_referrers and "subject" in document
        self._answer(201, {"OCI-Subject": document["subject"]["digest"]} if knows else {})

    def _answer(
        self, status: int, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def writable_registry() -> Iterator[WritableRegistry]:
    """Serve such a registry."""
    server = WritableRegistry()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
