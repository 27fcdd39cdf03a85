"""`policyd host serve` as it is run: a process that a daemon asks through its socket."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys

import pytest

from policyd.audit.event import event_of
from policyd.audit.store import open_store
from policyd.host.serve import named
from policyd.host_settings import HostSettings
from tests.support.daemon_requests import body, creation, envelope
from tests.unit.host.test_plugin_server import Client

BEFORE = "/AuthZPlugin.AuthZReq"


def test_the_name_of_the_host_is_that_of_the_machine():
    assert named(HostSettings()).name
    assert named(HostSettings(name="gpu-01")).name == "gpu-01"


@pytest.mark.slow
def test_a_daemon_gets_answers_until_the_process_is_stopped(tmp_path, until, engine):
    socket = tmp_path / "policyd.sock"
    config = tmp_path / "policyd.toml"
    config.write_text(
        f'audit = "audit.db"\n[host]\nname = "gpu-01"\nsocket = "{socket}"\n'
        f'engine = "{engine.path}"\n'
    )
    program = [sys.executable, "-m", "policyd", "host", "serve", "--config", str(config)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(program, stdout=log, stderr=log)
    with contextlib.ExitStack() as stack:
        stack.callback(process.kill)
        until(lambda: socket.exists() or process.poll() is not None)
        client = Client(str(socket))
        stack.callback(client.close)
        assert client.ask("/Plugin.Activate") == (200, b'{"Implements":["authz"]}')
        uri = "/v1.41/containers/create"
        assert client.ask(BEFORE, envelope(uri, body("cli-run-plain"))) == (200, b'{"Allow":true}')
        status, answer = client.ask(BEFORE, envelope(uri, creation(Privileged=True)))
        denied = json.loads(answer)
        assert (status, denied["Allow"]) == (200, False)
        assert "no-privileged: service container runs privileged" in denied["Msg"]
        assert client.ask("/AuthZPlugin.AuthZRes", b"{}") == (200, b'{"Allow":true}')
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, (tmp_path / "log").read_text()
    assert not socket.exists()
    store = open_store(str(tmp_path / "audit.db"), create=False)
    decisions = [event_of(record).result.allowed for record in store.decisions(5)]
    store.close()
    assert decisions == [False, True]
