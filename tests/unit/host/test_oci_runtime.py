"""`policyd-runtime`: asks before a container is created, hands over the rest, and fails closed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from policyd.cli import main
from policyd.errors import ConfigError
from policyd.host import oci_runtime
from policyd.host.oci_runtime import command_of, line_of, refusal
from policyd.host.plugin_server import PluginServer
from policyd.host.runtime_install import install, runtime_text

REFUSED = b'-{"level":"error","msg":"policyd: no"}\n'


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Callable[[bytes], list[bytes]]]:
    """A function that starts a gate with this answer, and returns what it was asked."""
    servers: list[PluginServer] = []

    def start(answer: bytes) -> list[bytes]:
        asked: list[bytes] = []

        def handler(body: bytes) -> bytes:
            asked.append(body)
            return answer

        server = PluginServer(str(tmp_path / "gate.sock"), {"/PolicydRuntime.Create": handler})
        threading.Thread(target=server.run, daemon=True).start()
        servers.append(server)
        return asked

    yield start
    for server in servers:
        server.shutdown()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "config.json").write_bytes(b"{}\n")
    return tmp_path / "bundle"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The program, whose real runtime prints its arguments."""
    real = tmp_path / "real"
    real.write_text('#!/bin/sh\nprintf "%s " real "$@"\n')
    real.chmod(0o755)
    install(str(tmp_path / "policyd-runtime"), str(real), str(tmp_path / "gate.sock"))
    return tmp_path / "policyd-runtime"


def run(program: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("line", "command", "log", "rest"),
    [
        ("--root /r --log /l --log-format json create -b B i", "create", "/l", ["-b", "B", "i"]),
        ("--log=/l --systemd-cgroup create i", "create", "/l", ["i"]),
        ("-log /l state create", "state", "/l", ["create"]),
        ("--root create --log run delete i", "delete", "run", ["i"]),
        ("--version", "", "", []),
        ("--log", "", "", []),
        ("", "", "", []),
    ],
)
def test_the_command_and_the_log_are_found_as_runc_finds_them(line, command, log, rest) -> None:
    assert command_of(line.split()) == (command, log, rest)


def test_the_gate_is_asked_before_a_container_is_created(
    gate, program: Path, bundle: Path, tmp_path: Path
) -> None:
    asked = gate(b"+")
    arguments = ("--root", "/r", "--log", str(tmp_path / "log"), "create", "--bundle", str(bundle))

    done = run(program, *arguments, "id-1")

    assert done == (0, " ".join(("real", *arguments, "id-1 ")), "")
    assert asked == [f"id-1\n{tmp_path / 'real'}\n{{}}\n".encode()]
    assert not (tmp_path / "log").exists()


def test_a_refusal_is_in_the_log_of_the_runtime(
    gate, program: Path, bundle: Path, tmp_path: Path
) -> None:
    gate(REFUSED)

    code, output, error = run(
        program, "--log", str(tmp_path / "log"), "create", "-b", str(bundle), "i"
    )

    assert (code, output, error.encode()) == (1, "", REFUSED[1:])
    assert (tmp_path / "log").read_bytes() == REFUSED[1:]


def test_other_commands_do_not_wait_for_the_gate(program: Path) -> None:
    assert run(program, "--root", "/r", "kill", "i") == (0, "real --root /r kill i ", "")
    # The id of a container may be a word that the shell looks for.
    assert run(program, "--root", "a b", "kill", "run") == (0, "real --root a b kill run ", "")


def test_without_a_gate_no_container_is_created(
    program: Path, bundle: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"

    code, output, _ = run(program, "--log", str(log), "create", "--bundle", str(bundle), "i")

    assert (code, output) == (1, "")
    assert log.read_text() == (
        '{"level":"error","msg":"policyd: the gate cannot be asked at '
        f"{tmp_path}/gate.sock: No such file or directory, so the container is not created"
        '"}\n'
    )


@pytest.mark.parametrize("answer", [b"", b"?", b"{}"])
def test_an_answer_that_is_no_decision_is_a_refusal(
    gate, bundle: Path, tmp_path: Path, monkeypatch, answer: bytes
) -> None:
    gate(answer)
    monkeypatch.setattr(oci_runtime, "SOCKET", str(tmp_path / "gate.sock"))

    with pytest.raises(oci_runtime.Refused, match="the gate did not answer with a decision"):
        refusal(["--bundle", str(bundle), "i"])


def test_a_server_that_is_not_the_gate_is_a_refusal(
    bundle: Path, tmp_path: Path, monkeypatch
) -> None:
    server = PluginServer(str(tmp_path / "gate.sock"), {})
    threading.Thread(target=server.run, daemon=True).start()
    monkeypatch.setattr(oci_runtime, "SOCKET", str(tmp_path / "gate.sock"))

    with pytest.raises(oci_runtime.Refused, match="the gate did not answer with a decision"):
        refusal(["--bundle", str(bundle), "i"])
    server.shutdown()


def test_a_gate_that_does_not_answer_in_time_is_a_refusal(
    gate, bundle: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(oci_runtime, "SOCKET", str(tmp_path / "silent.sock"))
    monkeypatch.setattr(oci_runtime, "SECONDS", 0.05)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        silent.listen(1)

        with pytest.raises(oci_runtime.Refused, match="the gate did not answer in time"):
            refusal(["--bundle", str(bundle), "i"])


def test_a_configuration_that_is_missing_or_too_large_is_a_refusal(
    bundle: Path, program: Path, monkeypatch
) -> None:
    monkeypatch.setattr(oci_runtime, "MAX_CONFIG", 2)
    with pytest.raises(oci_runtime.Refused, match="is too large"):
        refusal(["--bundle", str(bundle), "i"])
    (bundle / "config.json").unlink()

    code, _, error = run(program, "create", "--bundle", str(bundle), "i")

    assert (code, "config.json: No such file or directory" in error) == (1, True)


def test_a_line_of_the_log_is_json_whatever_the_reason_is() -> None:
    assert line_of('a"b\\c\nd') == (
        b'{"level":"error","msg":"policyd: a b c d, so the container is not created"}\n'
    )


def test_it_imports_only_what_starts_at_once() -> None:
    names = (
        "import sys; before = set(sys.modules); sys.argv = ['x']\n"
        f"exec(open({oci_runtime.__file__!r}).read().replace('__main__', 'x'))\n"
        "print(sorted(set(sys.modules) - before - {'_socket'}))"
    )

    done = subprocess.run(
        [sys.executable, "-IS", "-c", names], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_program_is_written_for_one_host(program: Path, tmp_path: Path) -> None:
    text = runtime_text("/p", sys.executable, "/usr/bin/crun", "/run/it's.sock")

    quotes = "'" * 3
    assert text.startswith(f"#!/bin/sh\n{quotes}:'\nfor word; do ")
    assert f"exec {sys.executable} -IS -c '\n" in text
    assert '\n\' /p "$@";; esac; done\n' in text
    assert f'\nexec /usr/bin/crun "$@"\n{quotes}\n' in text
    assert "\nRUNTIME = '/usr/bin/crun'\nSOCKET = \"/run/it's.sock\"\nSECONDS = 30.0\n" in text
    assert os.stat(program).st_mode & 0o777 == 0o755
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policyd-runtime", "real"]


def test_its_interpreter_runs_the_compiled_program(gate, program: Path, bundle: Path) -> None:
    gate(REFUSED)
    before, version, code = program.read_text().rsplit(None, 2)
    program.write_text(f"{before.replace('MAX_ANSWER', 'WITHOUT')} {version} {code}\n")

    assert run(program, "create", "-b", str(bundle), "i") == (1, "", REFUSED[1:].decode())


def test_another_version_of_the_interpreter_runs_the_text(
    gate, program: Path, bundle: Path
) -> None:
    asked = gate(REFUSED)
    before, _, code = program.read_text().rsplit(None, 2)
    program.write_text(f"{before} {b'3.99'.hex()} {code[:8]}\n")

    assert run(program, "create", "-b", str(bundle), "i") == (1, "", REFUSED[1:].decode())
    assert len(asked) == 1


def test_a_compiled_program_that_is_damaged_creates_no_container(
    gate, program: Path, bundle: Path
) -> None:
    gate(b"+")
    before, version, code = program.read_text().rsplit(None, 2)
    program.write_text(f"{before} {version} {code[:200]}\n")

    assert run(program, "create", "-b", str(bundle), "i")[:2] == (1, "")


@pytest.mark.parametrize("interpreter", ["/none/python3", "/bin/false"])
def test_an_interpreter_that_cannot_compile_it_is_an_error(interpreter: str) -> None:
    with pytest.raises(ConfigError) as raised:
        runtime_text("/p", interpreter, "/usr/bin/crun", "/run/s.sock")

    assert str(raised.value) == (
        f"{interpreter} cannot compile policyd-runtime; it needs Python 3.8 or newer"
    )


@pytest.mark.parametrize(
    ("path", "runtime", "sentence"),
    [
        ("p", "/bin/sh", "--path: p is not an absolute path"),
        ("/p", "sh", "--runtime: sh is not an absolute path"),
        ("/p", "/etc/passwd", "--runtime: /etc/passwd is not a program"),
        ("/bin/sh", "/bin/sh", "--runtime: /bin/sh would run itself; name the real runtime"),
        ("/etc/passwd", "/bin/sh", "--path: /etc/passwd is another file; name a new one"),
        ("/a b", "/bin/sh", "--path: '/a b' has a character that is not a letter or digit"),
        ("/none/p", "/bin/sh", "--path: cannot write /none/p: No such file or directory"),
    ],
)
def test_paths_that_cannot_be_used_are_errors(path: str, runtime: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        install(path, runtime, "/run/s.sock")

    assert str(raised.value) == sentence


def test_an_earlier_one_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "policyd-runtime"

    install(str(path), "/bin/true", "/run/one.sock")
    install(str(path), "/bin/true", "/run/two.sock")

    assert "SOCKET = '/run/two.sock'" in path.read_text()


def test_the_command_writes_it_and_shows_what_docker_needs(tmp_path: Path) -> None:
    (tmp_path / "policyd.toml").write_text('[host]\nsocket = "/run/gate.sock"\n')
    path = str(tmp_path / "policyd-runtime")
    arguments = ["host", "install-runtime", "--config", str(tmp_path / "policyd.toml")]

    done = CliRunner().invoke(main, [*arguments, "--path", path, "--runtime", "/bin/sh"])

    assert done.exit_code == 0
    assert done.stdout == (
        f"wrote {path}, which runs /bin/sh; in daemon.json of Docker:\n"
        f'  {{"runtimes": {{"policyd": {{"path": "{path}"}}}}, "default-runtime": "policyd"}}\n'
    )
    assert "\nSOCKET = '/run/gate.sock'\n" in Path(path).read_text()
