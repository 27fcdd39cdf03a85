"""The units of `deploy/systemd` agree with the program, its defaults and its documentation."""

from __future__ import annotations

import os
import re
import shlex
import stat
from pathlib import Path

import click
import pytest

from policyd.cli import main
from policyd.config import default_audit
from policyd.host.plugin_server import PluginServer
from policyd.host.runtime_install import DEFAULT_PATH
from policyd.host_settings import DEFAULT_SOCKET, HostSettings
from policyd.settings_reader import load_settings

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy/systemd"
GUIDE = (ROOT / "docs/host.md").read_text()
CONFIG = "/etc/policyd/policyd.toml"
STATE = "/var/lib/policyd"


def values(unit: str, key: str) -> list[str]:
    """Return what the unit says for `key`, which it may name several times."""
    return re.findall(rf"^{key}=(.*)$", (UNITS / unit).read_text(), re.MULTILINE)


def parsed(command: list[str]) -> click.Context:
    """Return the context of the last command of `command`, as policyd reads it."""
    context = click.Context(main, info_name="policyd", **main.context_settings)
    for number, word in enumerate(command):
        assert isinstance(context.command, click.Group)
        found = context.command.get_command(context, word)
        assert found is not None, word
        if not isinstance(found, click.Group):
            return found.make_context(word, command[number + 1 :], parent=context)
        context = click.Context(found, info_name=word, parent=context)
    raise AssertionError("no command")


@pytest.mark.parametrize(
    ("unit", "command"),
    [("policyd.service", "policyd serve"), ("policyd-host.service", "policyd host serve")],
)
def test_the_command_of_a_unit_is_one_of_policyd(unit: str, command: str) -> None:
    [line] = values(unit, "ExecStart")
    program, *arguments = shlex.split(line)

    context = parsed(arguments)

    assert program == "/opt/policyd/bin/policyd"
    assert (context.command_path, context.params["config"]) == (command, CONFIG)
    with pytest.raises(click.NoSuchOption):
        parsed([*arguments, "--renamed", "x"])


def test_the_socket_is_where_the_daemon_looks_and_only_root_may_connect(tmp_path: Path) -> None:
    server = PluginServer(str(tmp_path / "s"), {})
    mode = stat.S_IMODE(os.stat(tmp_path / "s").st_mode)
    server.server_close()

    [path] = values("policyd-host.socket", "ListenStream")
    assert [int(one, 8) for one in values("policyd-host.socket", "SocketMode")] == [mode]
    assert values("policyd-host.socket", "SocketUser") == []  # root
    assert values("policyd-host.socket", "DirectoryMode") == ["0755"]
    assert path == DEFAULT_SOCKET == HostSettings().socket
    assert f"`{path}`. Only root may connect to it." in GUIDE
    assert f'"authorization-plugins": ["{Path(path).stem}"]' in GUIDE


def test_the_gate_runs_as_root_and_sees_the_files_of_the_host() -> None:
    text = (UNITS / "policyd-host.service").read_text()

    hidden = ("User=", "PrivateTmp=", "PrivateDevices=", "ProtectHome=", "RootDirectory=")
    assert [key for key in hidden if f"\n{key}" in text] == []
    assert values("policyd-host.service", "Requires") == ["policyd-host.socket"]
    assert values("policyd-host.service", "Restart") == ["always"]
    assert values("policyd-host.service", "StartLimitIntervalSec") == ["0"]
    for unit in ("policyd-host.service", "policyd-host.socket"):
        assert values(unit, "Before") == ["docker.service"]
    assert {one.name for one in UNITS.glob("policyd-host.*")} == {
        "policyd-host.service", "policyd-host.socket",
    }  # fmt: skip
    assert "cp deploy/systemd/policyd-host.* /etc/systemd/system/" in GUIDE


def test_what_is_written_lies_in_the_folder_of_the_state(tmp_path: Path) -> None:
    example = re.search(rf"\$ cat {CONFIG}\n(.*?)\n\$ ", GUIDE, re.DOTALL)
    assert example
    (tmp_path / "policyd.toml").write_text(example[1])
    read = load_settings(str(tmp_path / "policyd.toml"), {}, {})

    for unit in ("policyd.service", "policyd-host.service"):
        assert values(unit, "StateDirectory") == [Path(STATE).name]
        assert values(unit, "StateDirectoryMode") == ["0700"]
        [(name, _, state)] = [one.partition("=") for one in values(unit, "Environment")]
        assert Path(default_audit({name: state})).parent == Path(STATE)
    assert Path(read.audit).parent == Path(read.host.grants_cache).parent == Path(STATE)
    assert DEFAULT_PATH in GUIDE
