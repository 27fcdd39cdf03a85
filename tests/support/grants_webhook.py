"""A webhook that only has grants: it stands in for the central service of a host."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import msgspec

from policyd.audit.event import GrantRecord


def record(number: int, **fields: object) -> GrantRecord:
    """Return the grant 0 of event `number`, of GPU 0 to train/worker."""
    given = {
        "decision_id": f"d-{number}",
        "time": "2027-01-15T08:00:00.000000000Z",
        "repository": "acme/train",
        "environment": "prod",
        "host": "gpu-01",
        "project": "train",
        "service": "worker",
        "vendor": "nvidia",
        "method": "reservation",
        "devices": ("0",),
        "replicas": 1,
        "username": "ci",
        "policy_set": "default",
        "revision": "r",
        "state": "active",
        **fields,
    }
    return GrantRecord(number, 0, **given)


def page(*records: GrantRecord, following: str | None = None) -> dict[str, object]:
    """Return a page of grants; `following` says where the next one begins."""
    return {"kind": "GrantList", "items": records, "next": following}


class Webhook(ThreadingHTTPServer):
    """Serves `pages` of grants by their beginning; without one, it is not available."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.pages: dict[str, object] = {}
        self.asked: list[tuple[dict[str, list[str]], str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class _Request(BaseHTTPRequestHandler):
    server: Webhook

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.server.asked.append((query, self.headers["Authorization"]))
        page = self.server.pages.get(query.get("before", [""])[0])
        body = page if isinstance(page, bytes) else msgspec.json.encode(page)
        self.send_response(200 if page is not None else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
