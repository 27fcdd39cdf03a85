"""A Docker daemon that only answers GET requests, on a unix socket: it stands in for dockerd."""

from __future__ import annotations

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote


class EngineStandIn(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers with `documents` by path; a text is sent as it is, anything else is not found."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.documents: dict[str, Any] = {}
        self.asked: list[str] = []
        super().__init__(self.path, _Request)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def get_request(self) -> Any:
        connection, _ = super().get_request()
        return connection, ("client", 0)

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Request(BaseHTTPRequestHandler):
    server: EngineStandIn

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        self.server.asked.append(unquote(self.path))
        found = self.server.documents.get(path)
        text = (
            found
            if isinstance(found, str)
            else json.dumps({"message": "none"} if found is None else found)
        )
        body = text.encode()
        self.send_response(200 if found is not None else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass
