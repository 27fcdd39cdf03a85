"""Write policyd-runtime: the file `oci_runtime.py` with the paths of this host.

In: where to write it, the real runtime, the socket of the gate. Out: an executable file. Its last
line is the program again, compiled by the interpreter of this host, because compiling it takes a
fifth of the time in which the interpreter starts. Another version of the interpreter runs the text.
Errors: ConfigError.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from policyd.errors import ConfigError

DEFAULT_PATH: Final = "/usr/local/sbin/policyd-runtime"
_SYSTEM_PYTHON: Final = "/usr/bin/python3"
_SOURCE: Final = Path(__file__).with_name("oci_runtime.py")
_PLAIN: Final = re.compile(r"[A-Za-z0-9._/@+-]+")
_HEAD: Final = """\
#!/bin/sh
''':'
for word; do case $word in create|run|restore) exec {interpreter} -IS -c '
import marshal, sys
del sys.argv[0]
with open(sys.argv[0], "rb") as file:
    text, version, code = file.read().rsplit(None, 2)
is_compiled = bytes.fromhex(version.decode()) == sys.version.encode()
exec(marshal.loads(bytes.fromhex(code.decode())) if is_compiled else text)
' {path} "$@";; esac; done
exec {runtime} "$@"
'''
"""
"""The beginning, which is a text to Python. The shell starts ten times faster, so only commands
that may create a container start the interpreter: without site packages, variables and the folder
of the user. Python then finds out which command it is."""
_COMPILE: Final = (
    "import marshal, sys\n"
    "code = compile(sys.stdin.buffer.read(), 'policyd-runtime', 'exec', dont_inherit=True)\n"
    "print('#', sys.version.encode().hex(), marshal.dumps(code).hex())"
)
"""Prints the last line. Code of one interpreter must not run in another, so it has the version."""
_COMPILE_SECONDS: Final = 30


def install(path: str, runtime: str, socket: str) -> None:
    """Write the runtime to `path`; it runs `runtime` after the gate at `socket` has allowed it.

    The file is replaced in one step: containers may start in the meantime. Raises ConfigError.
    """
    for name, value in {"--path": path, "--runtime": runtime, "host.socket": socket}.items():
        if not os.path.isabs(value):
            raise ConfigError(f"{name}: {value} is not an absolute path")
    for name, value in {"--path": path, "--runtime": runtime}.items():
        if not _PLAIN.fullmatch(value):
            raise ConfigError(f"{name}: {value!r} has a character that is not a letter or digit")
    if not os.access(runtime, os.X_OK) or os.path.isdir(runtime):
        raise ConfigError(f"--runtime: {runtime} is not a program")
    if os.path.realpath(runtime) == os.path.realpath(path):
        raise ConfigError(f"--runtime: {runtime} would run itself; name the real runtime")
    text = runtime_text(path, _interpreter(), runtime, socket)
    try:
        if os.path.exists(path) and b"policyd-runtime" not in Path(path).read_bytes():
            raise ConfigError(f"--path: {path} is another file; name a new one")
        with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(path), delete=False) as file:
            file.write(text)
            os.fchmod(file.fileno(), stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | 0o005)
        os.replace(file.name, path)
    except OSError as error:
        raise ConfigError(f"--path: cannot write {path}: {error.strerror}") from error


def runtime_text(path: str, interpreter: str, runtime: str, socket: str) -> str:
    """Return the program at `path`, which `interpreter` runs, with its `runtime` and `socket`.

    Raises ConfigError if the interpreter cannot compile it.
    """
    text = _SOURCE.read_text(encoding="utf-8")
    for name, value in {"RUNTIME": runtime, "SOCKET": socket}.items():
        text = _with_constant(text, name, value)
    head = _HEAD.format(path=path, interpreter=interpreter, runtime=runtime)
    return head + text + _compiled(text, interpreter)


def _compiled(text: str, interpreter: str) -> str:
    """Return the last line of the program with the source `text`. Raises ConfigError."""
    # Without texts for people and the columns of tracebacks, because reading them takes time.
    command = [interpreter, "-ISOO", "-X", "no_debug_ranges", "-c", _COMPILE]
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that the program will run with
            command, input=text.encode(), capture_output=True, timeout=_COMPILE_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigError(
            f"{interpreter} cannot compile policyd-runtime; it needs Python 3.8 or newer"
        ) from error
    return done.stdout.decode()


def _interpreter() -> str:
    """Return the interpreter of the system, which starts fast and is root's, else this one."""
    return (
        _SYSTEM_PYTHON if os.access(_SYSTEM_PYTHON, os.X_OK) else os.path.realpath(sys.executable)
    )


def _with_constant(program: str, name: str, value: str) -> str:
    """Return `program` whose line that assigns `name` assigns `value`."""
    before, _, rest = program.partition(f"\n{name} = ")
    return f"{before}\n{name} = {value!r}\n{rest.partition(chr(10))[2]}"


def default_runtime() -> str:
    """Return the path of runc. Raises ConfigError when it is not installed."""
    found = shutil.which("runc", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise ConfigError("runc is not installed; name the real runtime with --runtime")
    return found
