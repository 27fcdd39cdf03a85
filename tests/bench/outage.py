"""Creates while the central service is down: `python -m tests.bench.outage`.

In: nothing; it needs root and docker.io. Out: a table. A webhook grants a GPU to a service; a gate
reads its grants from there. Then the webhook ends, and a client of a real daemon creates containers
of the service: with the gate as it is, after a restart of the gate, and once its grants are too
old. A create names an image that does not exist, so the daemon answers 404 where the gate allows
it, and 403 where it denies it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from tests.bench.host import CREATE, JSON, Measured, connection, measured, processor
from tests.bench.processes import Server, serving_policyd
from tests.support.dockerd import Dockerd, running

CREATES = 1_000
DENIED = 100
MAX_AGE = 3_600
SHORT_AGE = 1
PROJECT = """
name: acme
services:
  train:
    image: none/none:1
    deploy:
      resources:
        reservations: {devices: [{driver: nvidia, device_ids: ["0"], capabilities: [gpu]}]}
"""
REQUEST = {
    "Image": "none/none:1",
    "Labels": {"com.docker.compose.project": "acme", "com.docker.compose.service": "train"},
    "HostConfig": {
        "DeviceRequests": [{"Driver": "nvidia", "DeviceIDs": ["0"], "Capabilities": [["gpu"]]}]
    },
}


def grant(webhook: Server) -> None:
    """Have the project reviewed for the host."""
    body: dict[str, Any] = {
        "apiVersion": "policyd/v1",
        "kind": "ComposeReview",
        "request": {
            "uid": "bench",
            "operation": "CREATE",
            "source": {"repository": "acme/train", "host": "gpu-01"},
            "project": {"files": {"compose.yaml": PROJECT}},
        },
    }
    url = f"http://{webhook.host}:{webhook.port}/v1/review"
    sent = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(sent) as answer:
        assert json.load(answer)["response"]["allowed"]


def creates(dockerd: Dockerd, number: int) -> tuple[Measured, Counter[int]]:
    """Return what `number` creates take, and the number of answers by status."""
    times: list[float] = []
    answers: Counter[int] = Counter()
    before = processor(dockerd.policyd_pid)
    with connection(dockerd.socket) as opened:
        for run in range(number):
            content = json.dumps({**REQUEST, "Hostname": f"run-{run}"}).encode()
            started = time.perf_counter()
            opened.request("POST", CREATE, content, headers=JSON)
            answer = opened.getresponse()
            answer.read()
            times.append(time.perf_counter() - started)
            answers[answer.status] += 1
    return measured(times, processor(dockerd.policyd_pid) - before), answers


def main() -> int:
    """Print the table."""
    rows = {}
    with (
        tempfile.TemporaryDirectory(prefix="pd", dir="/tmp", ignore_cleanup_errors=True) as name,
        running(Path(name)) as dockerd,
    ):
        cache, central = Path(name) / "grants.json", Path(name) / "central"
        central.mkdir()
        with serving_policyd(central) as webhook:
            grant(webhook)
            table = {
                "grants_url": f"http://{webhook.host}:{webhook.port}",
                "grants_cache": str(cache),
                "grants_interval": 1,
            }
            dockerd.start_policyd(grants_max_age=MAX_AGE, **table)
            dockerd.use_plugin()
            rows["the webhook answers"] = creates(dockerd, CREATES)
        rows["the webhook is down"] = creates(dockerd, CREATES)
        dockerd.start_policyd(grants_max_age=MAX_AGE, **table)
        rows["and the gate was restarted"] = creates(dockerd, CREATES)
        dockerd.start_policyd(grants_max_age=SHORT_AGE, **table)
        rows["and the grants are too old"] = creates(dockerd, DENIED)
    print("| Creates while | allowed | denied | median / p99 ms | processor ms |")
    print("|---|---|---|---|---|")
    for title, (taken, answers) in rows.items():
        assert not answers.keys() - {403, 404}, answers
        print(
            f"| {title} | {answers[404]} | {answers[403]} "
            f"| {taken.median:.1f} / {taken.p99:.1f} | {taken.processor:.1f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
