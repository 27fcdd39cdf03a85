"""The real server with a registry: what it accepted is reviewed, whatever ends it."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable
from typing import Any

import pytest
import requests

from policyd.audit.event import event_of
from policyd.audit.pushes import Pushes
from policyd.audit.store import open_store
from tests.unit.conftest import RegistryServer

pytestmark = pytest.mark.slow


def report(webhook: Any, digests: list[str]) -> int:
    """Report a push of each digest in one notification; return the status of the answer."""
    events = [
        {
            "id": f"event-{number}",
            "action": "push",
            "target": {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": digest,
                "repository": "demo/simple",
            },
        }
        for number, digest in enumerate(digests)
    ]
    answer = requests.post(
        f"{webhook.url}/hooks/registry/hub",
        json={"events": events},
        headers={"Authorization": "Bearer test-secret"},
    )
    return answer.status_code


PUSHES = 300
"""So many that most of them wait when the signal comes, whatever else the machine does."""


@pytest.mark.parametrize("signal_sent", [signal.SIGKILL, signal.SIGTERM])
def test_accepted_pushes_are_each_reviewed_once_after_a_restart(
    signal_sent: signal.Signals,
    start_webhook: Callable[..., Any],
    registry: RegistryServer,
    until: Callable[..., None],
) -> None:
    hub = {
        "url": f"http://{registry.host}",
        "insecure": True,
        "hook_sha256": hashlib.sha256(b"test-secret").hexdigest(),
    }
    digests = [
        registry.push({"compose.yaml": f"services: {{web: {{image: 'nginx:{index}'}}}}\n"})
        for index in range(PUSHES)
    ]
    webhook = start_webhook(workers=2, registries={"hub": hub})
    assert report(webhook, digests) == 202
    if signal_sent == signal.SIGKILL:
        webhook.kill()
    else:
        assert webhook.stop() == 0

    store = open_store(webhook.audit)
    pushes = Pushes(store)
    assert len(pushes.records(PUSHES)) > PUSHES // 2
    start_webhook(workers=2, registries={"hub": hub})
    until(lambda: not pushes.records(1))

    # An evaluator that was killed before its worker is a failure, which is recorded and repeated.
    events = [
        event
        for event in map(event_of, store.decisions(2 * PUSHES))
        if event.result.status.message != "the evaluator process ended unexpectedly"
    ]
    problems = store.verify().problems
    store.close()
    assert sorted(event.req_id for event in events) == sorted(
        f"event-{index}" for index in range(PUSHES)
    )
    assert {event.result.status.message for event in events} == {"no policy denies"}
    assert problems == ()
