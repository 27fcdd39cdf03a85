"""policyd-runtime: an OCI runtime that asks the gate of the host before a container is created.

This file is a program of its own: `policyd host install-runtime` copies it with the paths below.
It imports only modules that are part of the interpreter, because each start of a container waits
for it. All commands but those that create a container go to the real runtime at once. Whatever
fails, the container is not created. Sources: runc(8); containerd runtime v2, pkg/go-runc
(Create, getLastRuntimeError: the message is read from the file that --log names).
"""

import _socket
import posix
import sys
import time

RUNTIME = "/usr/bin/runc"
SOCKET = "/run/docker/plugins/policyd.sock"
SECONDS = 30.0

CREATING = ("create", "run", "restore")
VALUED = ("root", "log", "log-format", "criu", "rootless")
"""Options before the command that take a value, without their dashes."""
MAX_CONFIG = 16 << 20
MAX_ANSWER = 1 << 20
ALLOWED = b"+"
DENIED = b"-"


class Refused(Exception):
    """The container must not be created; the text says why."""


def main(arguments: list[str]) -> int:
    """Replace this process with the real runtime, or exit with 1."""
    log = ""
    try:
        command, log, rest = command_of(arguments)
        if command in CREATING:
            line = refusal(rest)
            if line:
                return refuse(log, line)
        posix.execv(RUNTIME, [RUNTIME, *arguments])
    except Refused as error:
        return refuse(log, line_of(str(error)))
    except OSError as error:
        return refuse(log, line_of(f"{error.filename or 'the gate'}: {error.strerror or error}"))
    except BaseException as error:  # noqa: BLE001 - whatever fails, nothing is created
        return refuse(log, line_of(f"internal error ({type(error).__name__})"))


def command_of(arguments: list[str]) -> tuple[str, str, list[str]]:
    """Return the command, the file of the log and the arguments after the command."""
    log, number = "", 0
    while number < len(arguments):
        option = arguments[number]
        number += 1
        if not option.startswith("-"):
            return option, log, arguments[number:]
        name, equals, value = option.lstrip("-").partition("=")
        if name in VALUED and not equals:
            value = arguments[number] if number < len(arguments) else ""
            number += 1
        if name == "log":
            log = value
    return "", log, []


def refusal(rest: list[str]) -> bytes:
    """Return what to write to the log if the gate refuses the container, b"" if it does not."""
    bundle, number = ".", 0
    while number < len(rest):
        name, equals, value = rest[number].lstrip("-").partition("=")
        number += 1
        if rest[number - 1].startswith("-") and name in ("bundle", "b"):
            bundle = value if equals else rest[number] if number < len(rest) else ""
    with open(f"{bundle}/config.json", "rb") as file:
        config = file.read(MAX_CONFIG + 1)
    if len(config) > MAX_CONFIG:
        raise Refused("config.json is too large")
    head = f"{rest[-1] if rest else ''}\n{RUNTIME}\n".encode("utf-8", "surrogateescape")
    answer = asked(head + config)
    if answer[:1] == ALLOWED:
        return b""
    if answer[:1] != DENIED:
        raise Refused("the gate did not answer with a decision")
    return answer[1:]


def asked(body: bytes) -> bytes:
    """Return the answer of the gate to `body`."""
    end = time.monotonic() + SECONDS
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    connection.settimeout(SECONDS)
    try:
        connection.connect(SOCKET)
        connection.sendall(
            b"POST /PolicydRuntime.Create HTTP/1.1\r\nHost: policyd\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)
        )
        connection.sendall(body)
        received = b""
        while piece := connection.recv(65536):
            received += piece
            if len(received) > MAX_ANSWER or time.monotonic() > end:
                raise Refused("the gate did not answer in time")
            connection.settimeout(max(end - time.monotonic(), 0.001))
    except TimeoutError:
        raise Refused("the gate did not answer in time") from None
    except OSError as error:
        reason = error.strerror or "no connection"
        raise Refused(f"the gate cannot be asked at {SOCKET}: {reason}") from None
    finally:
        connection.close()
    head, _, answer = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise Refused("the gate did not answer with a decision")
    return answer


def line_of(reason: str) -> bytes:
    """Return `reason` as the line of a log."""
    text = f"policyd: {reason}, so the container is not created"
    plain = "".join(c if c.isprintable() and c not in '"\\' else " " for c in text)
    return f'{{"level":"error","msg":"{plain}"}}\n'.encode("utf-8", "replace")


def refuse(log: str, line: bytes) -> int:
    """Write `line` where the caller reads it, and return 1."""
    posix.write(2, line)
    if log:
        with open(log, "ab") as file:
            file.write(line)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
