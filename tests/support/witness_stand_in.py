"""A witness in the test's own process, as C2SP tlog-witness describes it."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policyd.errors import NoteError
from policyd.transparency import merkle
from policyd.transparency.checkpoint import open_checkpoint
from policyd.transparency.note import COSIGNATURE, Verifier, cosigned_text


class WitnessStandIn(ThreadingHTTPServer):
    """Knows one log. `size` and `root` are those of the last checkpoint that it cosigned."""

    def __init__(self, log: Verifier, name: str = "witness.example", seed: int = 7) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.log = log
        self.size, self.root = 0, merkle.EMPTY_ROOT
        self.statuses: list[int] = []
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.verifier = Verifier(name, COSIGNATURE, self._key.public_key().public_bytes_raw())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/w"

    def add(self, body: str) -> tuple[int, str]:
        """Return the answer to add-checkpoint."""
        head, _, note = body.partition("\n\n")
        first, *hashes = head.split("\n")
        old = int(first.removeprefix("old "))
        if note.partition("\n")[0] != self.log.name:
            return 404, ""
        try:
            checkpoint, _ = open_checkpoint(note, self.log.name, [self.log])
        except NoteError:
            return 403, ""
        if old > checkpoint.size:
            return 400, ""
        if old != self.size:
            return 409, f"{self.size}\n"
        proof = [base64.b64decode(one) for one in hashes]
        if not merkle.is_consistent(old, self.root, checkpoint.size, checkpoint.root, proof):
            return 422, ""
        self.size, self.root = checkpoint.size, checkpoint.root
        return 200, self.cosigned(checkpoint.text, int(time.time()))

    def cosigned(self, text: str, now: int) -> str:
        """Return the line by which the witness cosigns `text`."""
        signature = self._key.sign(cosigned_text(text, now))
        content = self.verifier.key_id + now.to_bytes(8, "big") + signature
        return f"— {self.verifier.name} {base64.b64encode(content).decode()}\n"


class _Handler(BaseHTTPRequestHandler):
    server: WitnessStandIn

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert self.path == "/w/add-checkpoint"
        status, text = self.server.add(body)
        self.server.statuses.append(status)
        self.send_response(status)
        if status == 409:
            self.send_header("Content-Type", "text/x.tlog.size")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def witness_stand_in(
    log: Verifier, name: str = "witness.example", seed: int = 7
) -> Iterator[WitnessStandIn]:
    """Yield a running witness of the log with the key `log`."""
    running = WitnessStandIn(log, name, seed)
    thread = Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.shutdown()
        running.server_close()
        thread.join()
