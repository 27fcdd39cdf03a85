"""The store is away or locked, and the settings change while the server runs."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import requests

from policyd.model import Decision, Grant, Review, Source, Status
from tests.attacks.rights import tokens, value
from tests.attacks.target import (
    CLEAN,
    GPU,
    PRIVILEGED,
    Target,
    ask,
    free_port,
    log_of,
    post,
    recorded,
)
from tests.conftest import wait_until

TIMEOUT = 2
"""Seconds that a review may take."""
DAY = 24 * 3600 * 1_000_000_000
"""Nanoseconds."""


def locked_database(target: Target) -> str:
    """A review ends in time although another program holds the lock of the database."""
    webhook = target.start(review_timeout=TIMEOUT)
    ask(webhook)
    with closing(sqlite3.connect(webhook.audit, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        assert post(webhook, CLEAN).status_code in (503, 504)
        took = time.monotonic() - started
    ask(webhook)
    assert len(recorded(webhook)) == 2
    return f"no decision after {took:.1f} s, with a limit of {TIMEOUT} s"


def ignored_failures(target: Target) -> str:
    """With the policy Ignore, decisions are made while the store is away, and recorded later."""
    both = tokens(
        ignoring={"repositories": ["**"], "failure_policy": "Ignore"},
        failing={"repositories": ["**"]},
    )
    webhook = target.start(tokens=both)
    away = f"{webhook.audit}.away"
    os.rename(webhook.audit, away)
    allowed = ask(webhook, CLEAN, token=value("ignoring"), name="a")
    denied = ask(webhook, PRIVILEGED, token=value("ignoring"), name="b")
    assert (allowed["allowed"], denied["allowed"]) == (True, False)
    assert post(webhook, CLEAN, value("failing")).status_code == 503
    assert post(webhook, CLEAN, value("nobody")).status_code in (401, 503)
    webhook.kill()
    os.rename(away, webhook.audit)
    again = target.start(tokens=both)
    wait_until(lambda: len(recorded(again)) == 2)
    named = {event.decision_id: event.result for event in recorded(again)}
    assert {one["decisionId"] for one in (allowed, denied)} == {*named}
    assert all(found.audit_annotations["deferred"] == "true" for found in named.values())
    return "2 decisions were recorded after the outage and a kill"


def rotated_tokens(target: Target) -> str:
    """A token that the settings do not have any more stops working at SIGHUP."""
    port, file = free_port(), target.folder / "policyd.toml"

    def configure(secret: str) -> None:
        digest = hashlib.sha256(secret.encode()).hexdigest()
        entry = f'[tokens.ci]\nowner = "ci"\nsha256 = "{digest}"\nrepositories = ["**"]\n'
        file.write_text(f'listen = "127.0.0.1:{port}"\naudit = "audit.db"\n{entry}')

    def status(secret: str) -> int:
        headers = {"Authorization": f"Bearer {secret}"}
        url = f"http://127.0.0.1:{port}/v1/policies"
        try:
            return requests.get(url, headers=headers, timeout=60).status_code
        except requests.ConnectionError:
            return 0

    configure("the-old-token-of-32-characters")
    command = [Path(sys.executable).with_name("policyd"), "serve", "--config", file]
    with (target.folder / "serve.log").open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        wait_until(lambda: status("the-old-token-of-32-characters") == 200)
        configure("the-new-token-of-32-characters")
        server.send_signal(signal.SIGHUP)
        wait_until(lambda: status("the-new-token-of-32-characters") == 200)
        assert [status("the-old-token-of-32-characters") for _ in range(20)] == [401] * 20
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    return "401 for the old token"


def escape_codes(target: Target) -> str:
    """The path of a request cannot write escape codes into the log of a terminal."""
    webhook = target.start(log_format="console")
    for path in ("/%1b%5B31mred", "/v1/decisions/%1b%5D0;title%07", "/%0aforged"):
        requests.get(f"{webhook.url}{path}", timeout=60)
    assert "red" in webhook.output
    found = [line for line in webhook.output.splitlines() if line.startswith("forged")]
    assert ("\x1b" in webhook.output, "\x07" in webhook.output, found) == (False, False, [])
    return "no escape code in the log"


def clock_set_back(target: Target) -> str:
    """After the clock was set back by a day, no event is before an earlier one, nor a grant's end.

    The first decision is recorded as by a server whose clock is a day ahead.
    """
    webhook = target.start()
    place = {"repository": "ml/train", "host": "gpu-01", "name": "train", "environment": "prod"}
    with log_of(webhook) as store:
        grant = Grant("train", "nvidia", "gpus", ("3",), 1, ("services", "train", "gpus", 0))
        source = Source(place["repository"], environment="prod", host=place["host"])
        review = Review("ahead", "ci", time.time_ns() + DAY, "CREATE", source=source)
        decision = Decision(
            "ahead", allowed=True, status=Status(200, "OK", ""), grants=(grant,),
            decision_id="ahead", project="train",
        )  # fmt: skip
        store.append_decision(review, decision)
    for operation in ("UPDATE", "DELETE"):
        assert ask(webhook, GPU, operation=operation, **place)["allowed"] is True
    with log_of(webhook) as store:
        times = [record.time for record in store.events(kinds=("decision",))][::-1]
        ended = [(one.time, one.ended, one.state) for one in store.grants(active=False)]
        assert store.verify().problems == ()
    assert (len(times), times) == (3, sorted(times))
    assert [state for _, _, state in ended] == ["released", "superseded"]
    assert all(begin <= end for begin, end, _ in ended), ended
    return "3 decisions in order, no grant ended before it began"
