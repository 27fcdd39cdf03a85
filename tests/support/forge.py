"""A forge on loopback that answers as GitHub, GitLab and Gitea do, and keeps what it is asked.

Commits are dictionaries of file names and contents. Requests that no forge has are answered with
404, bodies with unknown fields with 422.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STATUS_STATES = {
    "github": {"error", "failure", "pending", "success"},
    "gitea": {"error", "failure", "pending", "success", "warning"},
    "gitlab": {"pending", "running", "success", "failed", "canceled", "skipped"},
}
FIELDS: dict[str, set[str]] = {
    "statuses": {"state", "target_url", "description", "context", "name", "ref", "pipeline_id"},
    "check-runs": {
        "name", "head_sha", "status", "conclusion", "details_url", "external_id", "output",
        "actions", "started_at", "completed_at",
    },
    "comment": {"body"},
    "access_tokens": {"repositories", "repository_ids", "permissions"},
}  # fmt: skip
OUTPUT = {"title", "summary", "text", "annotations", "images"}
ANNOTATION = {
    "path", "start_line", "end_line", "start_column", "end_column", "annotation_level", "message",
    "title", "raw_details",
}  # fmt: skip


class ForgeServer:
    """The forge. `commits` are by their ids; `heads` and `bases` are those of pull requests."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.commits: dict[str, dict[str, str]] = {}
        self.heads: dict[int, str] = {}
        self.bases: dict[int, str] = {}
        self.asked: list[tuple[str, str]] = []
        self.statuses: list[dict[str, Any]] = []
        self.check_runs: dict[int, list[dict[str, Any]]] = {}
        self.comments: dict[int, str] = {}
        self.authorizations: set[str] = set()
        self.failing: list[tuple[int, dict[str, str]]] = []
        """Answers to the next requests: status and headers."""
        self.host = ""
        self.failing_after: dict[int, tuple[int, dict[str, str]]] = {}
        """Answers to later requests, by their number, from 1."""
        self.deliveries: list[list[dict[str, Any]]] = []
        """The pages of failed deliveries."""
        self.pause = 0.0
        """Seconds between the single bytes of an answer; 0 sends it at once."""
        self.more: dict[str, str] = {}
        """Headers of the next answer."""

    def answer(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        """Return status and content of the answer."""
        route = path.partition("?")[0]
        if found := re.search(r"(?:archive/|tarball/|sha=)([0-9a-z]+)", path):
            files = self.commits.get(found[1])
            if files is None:
                return (500 if self.kind == "gitea" else 404), {"message": "object does not exist"}
            return 200, archive(files)
        if found := re.search(r"/(?:pulls|merge_requests)/([0-9]+)$", route):
            return 200, self._pull(int(found[1]))
        if re.search("/(?:pulls|merge_requests)$", route):
            return 200, [self._opened(number) for number in self.heads]
        if route == "/user":
            return 200, {"id": 1, "login": "boss"}
        if route.endswith("/ml/train"):
            return 200, {"id": 3, "full_name": "ml/train"}
        if route == "/app/hook/deliveries":
            number = int((re.search("cursor=([0-9]+)", path) or ["", "0"])[1])
            following = f"{route}?per_page=100&cursor={number + 1}"
            if number + 1 < len(self.deliveries):
                self.more = {"Link": f'<http://{self.host}{following}>; rel="next"'}
            return 200, self.deliveries[number] if self.deliveries else []
        if re.fullmatch("/app/hook/deliveries/[0-9]+/attempts", route):
            return 202, {}
        if "/statuses/" in route:
            return self._status(route, body or {})
        if "/check-runs" in route:
            return self._check_run(method, route, body or {})
        if re.search("/(?:comments|notes)(?:/[0-9]+)?$", route):
            return self._comment(method, route, body or {})
        if route.endswith("/access_tokens"):
            return 201, {"token": "of-the-installation", "expires_at": "2030-01-01T00:00:00Z"}
        return 404, {"message": "Not Found"}

    def _pull(self, number: int) -> dict[str, Any]:
        head, base = self.heads[number], self.bases.get(number, "")
        if self.kind == "gitlab":
            return {"iid": number, "sha": head, "diff_refs": {"base_sha": base}}
        return {"number": number, "head": {"sha": head, "ref": "f"}, "base": {"sha": base}}

    def _opened(self, number: int) -> dict[str, Any]:
        head, base = self.heads[number], self.bases.get(number, "")
        if self.kind == "gitlab":
            return {
                "iid": number,
                "sha": head,
                "project_id": 3,
                "source_project_id": 3,
                "source_branch": "f",
                "references": {"full": f"ml/train!{number}"},
            }
        repository = {"id": 3, "full_name": "ml/train"}
        return {
            "number": number,
            "head": {"sha": head, "ref": "f", "repo": repository},
            "base": {"sha": base, "ref": "main", "repo": repository},
            "user": {"login": "ada"},
        }

    def _status(self, route: str, body: dict[str, Any]) -> tuple[int, Any]:
        limit = 140 if self.kind == "github" else 255
        right = body.keys() <= FIELDS["statuses"] and body["state"] in STATUS_STATES[self.kind]
        if not right or len(body.get("description", "")) > limit:
            return 422, {"message": "Validation Failed"}
        self.statuses.append({"sha": route.rpartition("/")[2], **body})
        return 201, {"id": len(self.statuses)}

    def _check_run(self, method: str, route: str, body: dict[str, Any]) -> tuple[int, Any]:
        output = body.get("output", {})
        notes = output.get("annotations", [])
        right = body.keys() <= FIELDS["check-runs"] and output.keys() <= OUTPUT
        right = right and len(notes) <= 50 and all(one.keys() <= ANNOTATION for one in notes)
        if not right or len(output.get("summary", "")) > 65_535 or len(body.get("actions", [])) > 3:
            return 422, {"message": "Validation Failed"}
        if method == "POST":
            number = len(self.check_runs) + 1
            self.check_runs[number] = [body]
            return 201, {"id": number}
        number = int(route.rpartition("/")[2])
        self.check_runs[number].append(body)
        return 200, {"id": number}

    def _comment(self, method: str, route: str, body: dict[str, Any]) -> tuple[int, Any]:
        if body.keys() != FIELDS["comment"]:
            return 422, {"message": "Validation Failed"}
        if method == "POST":
            number = max(self.comments, default=0) + 1
            self.comments[number] = body["body"]
            return 201, {"id": number}
        number = int(route.rpartition("/")[2])
        if number not in self.comments:
            return 404, {"message": "Not Found"}
        self.comments[number] = body["body"]
        return 200, {"id": number}


def archive(files: dict[str, str]) -> bytes:
    """Return a tar.gz archive of `files` below one top folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"top/{name}")
            member.size = len(content.encode())
            tar.addfile(member, io.BytesIO(content.encode()))
    return gzip.compress(packed.getvalue(), 1)


@contextmanager
def forge_server(kind: str) -> Iterator[ForgeServer]:
    """Run a forge of `kind` on loopback; `host` is where."""
    forge = ForgeServer(kind)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            forge.asked.append((self.command, self.path))
            forge.authorizations.add(self.headers.get("Authorization", ""))
            headers: dict[str, str] = {}
            late = forge.failing_after.pop(len(forge.asked), None)
            if late or forge.failing:
                code, headers = late or forge.failing.pop(0)
                content: Any = {"message": "failed"}
            else:
                code, content = forge.answer(self.command, self.path, body)
                headers, forge.more = forge.more, {}
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the client may be gone at its deadline
                step = 1 if forge.pause else max(len(data), 1)
                for start in range(0, len(data), step):
                    self.wfile.write(data[start : start + step])
                    time.sleep(forge.pause)

        do_GET = do_POST = do_PATCH = do_PUT = _handle  # noqa: N815 (names of the base class)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    forge.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
