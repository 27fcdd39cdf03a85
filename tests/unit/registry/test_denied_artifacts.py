"""What becomes of denied artifacts, on a test registry that records what it is asked."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from policyd.config import Registry
from policyd.errors import RegistryError
from policyd.registry.denied_artifacts import mark_denied

DIGEST = f"sha256:{'a' * 64}"
LOGIN = f"Basic {base64.b64encode(b'robot:pa55').decode()}"
HARBOR = f"/api/v2.0/projects/ml/repositories/group%252Ftrain/artifacts/{DIGEST}"


@contextmanager
def answering(code: int) -> Iterator[tuple[str, list[tuple[str, str, str, bytes]]]]:
    """Run a server that answers `code`; yield its URL and what it is asked."""
    asked: list[tuple[str, str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append((self.command, self.path, self.headers.get("Authorization", ""), body))
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_DELETE = do_POST = _handle  # noqa: N815 (names of the base class)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def mark(url: str, repository: str = "ml/group/train", **settings: Any) -> None:
    registry = Registry(url=url, insecure=True, username="robot", password_file="-", **settings)
    mark_denied(registry, "pa55", repository, DIGEST, "1.0")


@pytest.mark.parametrize(
    ("settings", "code", "asked"),
    [
        ({}, 500, None),
        (
            {"on_denied": "delete"},
            202,
            ("DELETE", f"/v2/ml/group/train/manifests/{DIGEST}", "", b""),
        ),
        (
            {"on_denied": "delete", "kind": "harbor"},
            200,
            ("DELETE", f"{HARBOR}/tags/1.0", LOGIN, b""),
        ),
        (
            {"on_denied": "label", "kind": "harbor", "denied_label": 7},
            200,
            ("POST", f"{HARBOR}/labels", LOGIN, b'{"id": 7}'),
        ),
    ],
)
def test_the_registry_is_asked_what_its_settings_say(
    settings: dict[str, Any], code: int, asked: tuple[str, str, str, bytes] | None
) -> None:
    with answering(code) as (url, seen):
        mark(url, **settings)

    assert seen == ([asked] if asked else [])


@pytest.mark.parametrize("code", [404, 409])
def test_what_is_gone_or_labelled_already_is_as_good(code: int) -> None:
    with answering(code) as (url, _):
        mark(url, on_denied="label", kind="harbor", denied_label=7)


@pytest.mark.parametrize("code", [403, 405, 500])
def test_a_registry_that_refuses_is_an_error_without_the_password(code: int) -> None:
    with answering(code) as (url, _), pytest.raises(RegistryError) as refused:
        mark(url, on_denied="delete")

    assert f"answered {code} to DELETE for ml/group/train" in str(refused.value)
    assert "pa55" not in str(refused.value)
