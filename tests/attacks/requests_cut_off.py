"""Requests that do not arrive whole, and connections that keep a server busy."""

from __future__ import annotations

import io
import socket
import tarfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import requests

from tests.attacks.target import (
    CLEAN,
    YAML,
    Target,
    ask,
    connection,
    post,
    recorded,
    reset,
    status_of,
)

HEAD: Final = b"POST /v1/review HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/yaml\r\n"
FORM: Final = (
    b"POST /v1/review HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="compose.yaml"\r\n\r\n'
)
CHUNK: Final = b"%x\r\n%s\r\n" % (len(CLEAN), CLEAN.encode())
CUT: Final = {
    "a short body": HEAD + b"Content-Length: 500\r\n\r\n" + CLEAN.encode(),
    "no last chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK,
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n" + CLEAN.encode(),
    "a bad chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK + b"zz\r\n\r\n",
    "half a form": FORM + CLEAN.encode(),
}
IDLE: Final = 1_100
DRIPPING: Final = 16
LARGE: Final = 2_000


def cut_off_bodies(target: Target) -> str:
    """A body that is cut off is no decision, however the connection ends."""
    webhook = target.start()
    for content in CUT.values():
        for end in ("close", "reset"):
            connected = connection(webhook)
            connected.sendall(content)
            if end == "close":
                connected.shutdown(socket.SHUT_WR)
                assert status_of(connected) in (0, 400)
                connected.close()
            else:
                reset(connected)
    ask(webhook)
    assert len(recorded(webhook)) == 1
    return f"{2 * len(CUT)} requests cut off, none decided"


def idle_connections(target: Target) -> str:
    """Connections without a request do not keep others from being answered."""
    webhook = target.start()
    idle = [connection(webhook) for _ in range(IDLE)]
    try:
        assert requests.get(f"{webhook.url}/healthz", timeout=60).status_code == 200
        ask(webhook)
    finally:
        for connected in idle:
            connected.close()
    return f"answered beside {IDLE:,} idle connections"


def half_sent_bodies(target: Target) -> str:
    """Bodies that arrive slowly keep neither reviews nor the probes from being answered."""
    webhook = target.start(workers=1)
    slow = [connection(webhook) for _ in range(DRIPPING)]
    try:
        for connected in slow:
            connected.sendall(HEAD + b"Content-Length: 1000\r\n\r\nserv")
        assert requests.get(f"{webhook.url}/healthz", timeout=60).status_code == 200
        assert requests.get(f"{webhook.url}/readyz", timeout=60).status_code == 200
        ask(webhook)
    finally:
        for connected in slow:
            connected.close()
    return f"answered beside {DRIPPING} half-sent bodies"


def pax_records(target: Target) -> str:
    """A small archive with millions of pax records is refused, and costs no minutes."""
    webhook = target.start()
    record = b"6 a=b\n"
    records = record * 5_700_000
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, len(records)
    packed = zlib.compressobj(9, wbits=31)
    archive = io.BytesIO()
    archive.write(packed.compress(header.tobuf(tarfile.USTAR_FORMAT)))
    archive.write(packed.compress(records + bytes(-len(records) % 512)))
    archive.write(packed.compress(bytes(1024)) + packed.flush())
    answer = requests.post(
        f"{webhook.url}/v1/review",
        data=archive.getvalue(),
        headers={"Content-Type": "application/gzip"},
        timeout=120,
    )
    assert answer.status_code in (400, 413), answer.text
    seconds = answer.elapsed.total_seconds()
    return f"{len(archive.getvalue()):,} bytes refused with {answer.status_code} in {seconds:.2f} s"


def overload(target: Target) -> str:
    """Reviews beyond what the server can take are answered 429 or 504, not recorded as denials."""
    webhook = target.start(workers=1, threads=2)
    text = "services:\n" + "".join(
        f"  web{number}: {{image: 'nginx:1.27', environment: {{A: b}}}}\n"
        for number in range(LARGE)
    )
    with ThreadPoolExecutor(96) as threads:
        answers = list(threads.map(lambda number: post(webhook, text + f"# {number}\n"), range(96)))
    codes = [answer.status_code for answer in answers]
    assert set(codes) <= {200, 429, 504}, sorted(set(codes))
    assert all("Retry-After" in one.headers for one in answers if one.status_code == 429)
    statuses = {event.result.status.code for event in recorded(webhook)}
    assert statuses <= {200, 403}, statuses
    assert len(recorded(webhook)) == codes.count(200)
    late = codes.count(504)
    return f"{codes.count(200)} decided, {codes.count(429)} answered 429, {late} answered 504"


def duplicate_keys(target: Target) -> str:
    """JSON with a key twice is refused: two readers could read two projects."""
    webhook = target.start()
    body = (
        '{"apiVersion":"policyd/v1","kind":"ComposeReview","request":{"project":{"files":'
        '{"compose.yaml":"services: {web: {image: a, privileged: true}}",'
        '"compose.yaml":"services: {web: {image: a}}"}}}}'
    )
    answer = requests.post(
        f"{webhook.url}/v1/review",
        data=body,
        headers={**YAML, "Content-Type": "application/json"},
        timeout=60,
    )
    assert answer.status_code == 400, answer.text
    assert recorded(webhook) == []
    return "refused with 400"
