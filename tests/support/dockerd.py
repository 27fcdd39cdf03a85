"""A real Docker daemon with policyd as its authorization plugin, and clients of it.

In: a folder. Out: a running daemon without network and with a storage driver that works anywhere.
It needs root, Debian's docker.io and busybox-static: without root or the programs a test is
skipped. In CI the programs must be there, and only a machine that cannot run a daemon is an excuse.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.unix_http import UnixConnection

IMAGE = "local/busybox:1.0"
GPU_IMAGE = "local/cuda:1.0"
"""An image whose variables select all GPUs."""
APPLETS = ("sh", "sleep", "ls", "cat", "echo", "true", "id", "touch")
PROBE = ("create", "--network", "none", "--privileged", IMAGE, "true")
START_SECONDS = 60.0
IMAGE_STORE = "DOCKERD_IMAGE_STORE"
"""The variable that is `containerd` where the daemon keeps images in containerd."""
COMMAND = 'CMD ["sh", "-c", "trap exit TERM; sleep 300 & wait"]'
"""As process 1, `sleep` alone ignores SIGTERM: each stop would take ten seconds."""


class Done(NamedTuple):
    """How a command ended, and all that it printed."""

    code: int
    output: str

    @property
    def is_denied(self) -> bool:
        """Whether the plugin denied it."""
        return self.code != 0 and "authorization denied by plugin" in self.output


class Sent(NamedTuple):
    """The answer to a request."""

    status: int
    body: bytes

    @property
    def is_denied(self) -> bool:
        """Whether the plugin denied it."""
        return self.status == 403 and b"authorization denied by plugin" in self.body


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        assert not os.environ.get("CI"), f"CI has no {name}"
        pytest.skip(f"there is no {name}")
    return found


class Dockerd:
    """A daemon in `folder`; `plugin` is the name of the plugin of policyd."""

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0:
            pytest.skip("a Docker daemon needs root")
        self.folder = folder
        self.plugin = f"policydtest{os.getpid()}{folder.name}"
        self.socket = folder / "docker.sock"
        self.plugin_socket = Path(f"/run/docker/plugins/{self.plugin}.sock")
        self.audit = folder / "audit.db"
        self.docker_program = _program("docker")
        self._dockerd = _program("dockerd")
        self._busybox = _program("busybox")
        self._config = folder / "daemon.json"
        self._log = folder / "dockerd.log"
        self._storage = "vfs"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._policyd: subprocess.Popen[bytes] | None = None

    # --- processes

    def start(self, **daemon: Any) -> None:
        """Start the daemon, without a plugin; `daemon` are keys of daemon.json."""
        if os.environ.get(IMAGE_STORE) == "containerd":
            self._storage, daemon["features"] = "native", {"containerd-snapshotter": True}
        self._config.write_text(json.dumps(daemon))
        self._launch()
        if not self._wait(lambda: self.docker("version").code == 0):
            self.stop()
            pytest.skip(f"this machine cannot run a Docker daemon: {self.log[-300:]}")
        self.load(IMAGE)
        self.load(GPU_IMAGE, "ENV NVIDIA_VISIBLE_DEVICES=all")

    def _launch(self) -> None:
        command = [self._dockerd, "--config-file", str(self._config)]
        command += ["--data-root", str(self.folder / "data")]
        command += ["--exec-root", str(self.folder / "exec")]
        command += ["--pidfile", str(self.folder / "dockerd.pid"), "-H", f"unix://{self.socket}"]
        command += [f"--storage-driver={self._storage}", "--iptables=false", "--ip6tables=false"]
        command += ["--bridge=none"]
        self._spawn(command, self._log)

    def restart(self) -> None:
        """Stop the daemon with its containers, and start it again."""
        pid = int((self.folder / "dockerd.pid").read_text())
        daemon = next(one for one in self._processes if one.pid == pid)
        daemon.terminate()
        daemon.wait(60)
        self._processes.remove(daemon)
        self._launch()
        assert self._wait(lambda: self.docker("version").code == 0), self.log

    def start_policyd(self, settings: str = "", **host: str | int | list[str]) -> None:
        """Start `policyd host serve` with `host` settings, or restart it with others."""
        self.stop_policyd()
        table = {
            "name": "gpu-01",
            "socket": str(self.plugin_socket),
            "engine": str(self.socket),
            **host,
        }
        lines = [f'audit = "{self.audit}"', settings, "[host]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        config = self.folder / "policyd.toml"
        config.write_text("\n".join(lines) + "\n")
        command = [sys.executable, "-m", "policyd", "host", "serve", "--config", str(config)]
        self._policyd = self._spawn(command, self.folder / "policyd.log")
        assert self._wait(self.plugin_socket.exists), (self.folder / "policyd.log").read_text()

    def stop_policyd(self) -> None:
        """Stop policyd, if it runs."""
        if self._policyd is not None:
            self._policyd.terminate()
            self._policyd.wait(30)
            self._policyd = None

    def use_plugin(self) -> None:
        """Make the running daemon ask the plugin from now on."""
        self.reconfigure(**{"authorization-plugins": [self.plugin]})
        assert self._wait(lambda: self.docker(*PROBE).is_denied), self.log

    def leave_plugin(self) -> None:
        """Make the running daemon ask nobody; during the change it loses answers."""
        self.reconfigure(**{"authorization-plugins": []})
        assert self._wait(lambda: self.docker(*PROBE).code == 0), self.log

    def reconfigure(self, **daemon: Any) -> None:
        """Change daemon.json and reload it."""
        self._config.write_text(json.dumps({**json.loads(self._config.read_text()), **daemon}))
        pid = int((self.folder / "dockerd.pid").read_text())
        os.kill(pid, signal.SIGHUP)

    def stop(self) -> None:
        """Stop everything and unmount what the daemon has mounted."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            process.wait()
        self.plugin_socket.unlink(missing_ok=True)
        for line in Path("/proc/mounts").read_text().splitlines():
            if line.split()[1].startswith(f"{self.folder}/"):
                subprocess.run(["umount", "-l", line.split()[1]], check=False)

    @property
    def policyd_pid(self) -> int | None:
        """The process of policyd, None if it does not run."""
        return self._policyd.pid if self._policyd else None

    @property
    def log(self) -> str:
        """What the daemon logged."""
        return self._log.read_text() if self._log.exists() else ""

    def _spawn(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        with log.open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        self._processes.append(process)
        return process

    def _wait(self, condition: Any) -> bool:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if condition():
                return True
            if self._processes and self._processes[-1].poll() is not None:
                return False
            time.sleep(0.1)
        return False

    # --- clients

    def docker(self, *arguments: str, timeout: float = 90.0) -> Done:
        """Run the client of Docker."""
        return self.run(self.docker_program, *arguments, timeout=timeout)

    def run(
        self,
        *command: str,
        timeout: float = 90.0,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a client of the daemon."""
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "DOCKER_HOST": f"unix://{self.socket}",
            "DOCKER_BUILDKIT": "0",
            **(environment or {}),
        }
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env=variables, cwd=cwd
        )
        return Done(done.returncode, done.stdout + done.stderr)

    def send(self, uri: str, body: Any = None, method: str = "POST", **headers: str) -> Sent:
        """Send a request as it is; a body that is neither bytes nor None becomes JSON."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = UnixConnection(str(self.socket), 60)
        sent = {"Host": "docker", "Content-Type": "application/json", **headers}
        try:
            connection.putrequest(method, uri, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                connection.putheader(name, value)
            if content is not None and "Transfer-Encoding" not in sent:
                connection.putheader("Content-Length", str(len(content)))
            connection.endheaders()
            if content:
                with contextlib.suppress(BrokenPipeError):  # it may answer before it has all
                    connection.send(content)
            answer = connection.getresponse()
            return Sent(answer.status, answer.read())
        except http.client.HTTPException as error:
            return Sent(0, str(error).encode())
        finally:
            connection.close()

    def exchange(self, sent: bytes) -> bytes:
        """Send bytes on a connection, whose last request closes it; return all that comes back."""
        received = bytearray()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(str(self.socket))
            connection.sendall(sent)
            while piece := connection.recv(1 << 16):
                received += piece
        return bytes(received)

    def load(self, name: str, *changes: str) -> None:
        """Import an image that has busybox only."""
        archive = self.folder / "image.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(self._busybox, "bin/busybox")
            for applet in APPLETS:
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
            passwd = tarfile.TarInfo("etc/passwd")
            text = b"root:x:0:0:root:/root:/bin/sh\n"
            passwd.size = len(text)
            tar.addfile(passwd, io.BytesIO(text))
        options = [word for change in (COMMAND, *changes) for word in ("-c", change)]
        done = self.docker("import", *options, str(archive), name)
        assert done.code == 0, done.output


@contextlib.contextmanager
def running(folder: Path, **daemon: Any) -> Iterator[Dockerd]:
    """Yield a daemon in `folder` that does not ask the plugin yet."""
    dockerd = Dockerd(folder)
    try:
        dockerd.start(**daemon)
        yield dockerd
    finally:
        dockerd.stop()


def chunked(content: bytes) -> bytes:
    """Return `content` in the chunked transfer coding."""
    return f"{len(content):x}\r\n".encode() + content + b"\r\n0\r\n\r\n"


def registry_credentials(secret: str) -> str:
    """Return the header with which a client hands over credentials of a registry."""
    return base64.urlsafe_b64encode(json.dumps({"password": secret}).encode()).decode()


def compose_program() -> str:
    """Return Docker Compose as a program of its own; a test without it is skipped.

    CI builds it from its Go module, where the module can be had.
    """
    found = shutil.which("docker-compose")
    if found is None:
        pytest.skip("there is no docker-compose")
    return found
