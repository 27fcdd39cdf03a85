"""`policyd host serve` as it is run: a process that a daemon asks through its socket."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys

import pytest

from policyd.audit.event import event_of
from policyd.audit.log_event import log_event_of
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
    settings = (
        f'audit = "audit.db"\n[host]\nname = "gpu-01"\nsocket = "{socket}"\n'
        f'engine = "{engine.path}"\n'
    )
    config.write_text(settings)
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
        build = envelope("/v1.41/build")
        assert b'builds is \\"deny\\"' in client.ask(BEFORE, build)[1]
        config.write_text(f'{settings}builds = "allow"\nname = "gpu-02"\n')  # the name twice
        process.send_signal(signal.SIGHUP)
        until(lambda: b"settings refused" in (tmp_path / "log").read_bytes())
        config.write_text(f'{settings.replace("gpu-01", "gpu-02")}builds = "allow"\n')
        process.send_signal(signal.SIGHUP)
        until(lambda: client.ask(BEFORE, build) == (200, b'{"Allow":true}'))
        assert b"host.name" in (tmp_path / "log").read_bytes()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, (tmp_path / "log").read_text()
    assert not socket.exists()
    store = open_store(str(tmp_path / "audit.db"), create=False)
    decisions = [event_of(record).result.allowed for record in store.decisions(1_000)]
    changes = [log_event_of(one).details for one in store.events(9, kinds=("settings",))]
    store.close()
    assert decisions[-3:] == [False, False, True]
    assert changes == [{"changed": ["host.builds"]}]


@pytest.mark.slow
def test_files_that_a_changed_policy_set_names_are_protected(tmp_path, until, engine):
    socket, policy_set = tmp_path / "run" / "policyd.sock", tmp_path / "set.yaml"
    socket.parent.mkdir()
    heading = "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: a}\nspec: "
    policy_set.write_text(heading + "{packs: [gpu]}\n")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "x.yaml").write_text("policyd: {}\n")
    (tmp_path / "policyd.toml").write_text(
        f'audit = "audit/audit.db"\npolicy_set = "set.yaml"\nreload_interval = 1\n'
        f'[host]\nname = "gpu-01"\nsocket = "{socket}"\nengine = "{engine.path}"\n'
    )
    program = [sys.executable, "-m", "policyd", "host", "serve", "--config", "policyd.toml"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(program, stdout=log, stderr=log, cwd=tmp_path)
    with contextlib.ExitStack() as stack:
        stack.callback(process.kill)
        until(lambda: socket.exists() or process.poll() is not None)
        client = Client(str(socket))
        stack.callback(client.close)
        sent = creation(Binds=[f"{tmp_path / 'tables'}:/x"])
        create = envelope("/v1.41/containers/create", sent)
        assert client.ask(BEFORE, create) == (200, b'{"Allow":true}')

        policy_set.write_text(heading + "{packs: [gpu], data: [tables/x.yaml]}\n")

        until(lambda: b"the policy set of policyd" in client.ask(BEFORE, create)[1])
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, (tmp_path / "log").read_text()
