"""The evaluator process: it evaluates policies with regorus for the process that started it.

In, on standard input: a message with the Rego modules and the data, then a message for each input
document. Out, on standard output: for each input document a message with a result or an error. The
process ends at the end of standard input. A message is its length in 4 bytes (most significant
first), one byte that names its kind, and that many bytes.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import resource
import signal
import sys
from typing import BinaryIO, Final

import msgspec

from policyd.engines import QUERY
from policyd.engines.embedded import explain, interpreter

RESULT: Final = b"r"
ERROR: Final = b"e"
REQUEST: Final = b"q"
HEADER: Final = 5
"""Bytes before the content of a message: 4 for its length, 1 for its kind."""

_NO_MEMORY: Final = re.compile(
    rb"^(memory allocation of \d+ bytes failed|MemoryError)", re.MULTILINE
)
"""What the runtime of Rust, and Python, write when there is no memory left."""
_PR_SET_PDEATHSIG: Final = 1
"""Option of prctl(2), from <linux/prctl.h>."""


class Setup(msgspec.Struct, frozen=True):
    """The first message: Rego by file name, data, and the limit of memory in bytes."""

    modules: dict[str, str]
    data: msgspec.Raw
    memory: int


def message(kind: bytes, content: bytes) -> bytes:
    """Return `content` as a message of the kind `kind`."""
    return len(content).to_bytes(4, "big") + kind + content


def main() -> None:
    """Evaluate what comes on standard input until it ends."""
    end_with_parent()
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    first = _read(requests)
    if first is None:
        return
    setup = msgspec.json.decode(first, type=Setup)
    resource.setrlimit(resource.RLIMIT_AS, (setup.memory, setup.memory))
    data = msgspec.json.decode(setup.data)
    engine = None
    while (review_input := _read(requests)) is not None:
        try:
            engine = engine or interpreter(setup.modules, data)
            engine.set_input_json(review_input.decode())
            answer = message(RESULT, engine.eval_rule_as_json(QUERY).encode())
        except BaseException as error:  # noqa: BLE001 (a panic of regorus is not an Exception)
            engine = None
            _forget_errors()
            sentence, where = explain(error)
            answer = message(ERROR, (f"{where}: {sentence}" if where else sentence).encode())
        answers.write(answer)
        answers.flush()


def lacked_memory(said: bytes) -> bool:
    """Return whether `said`, the standard error of a process, reports that no memory is left."""
    return _NO_MEMORY.search(said) is not None


def _forget_errors() -> None:
    """Remove what a panic wrote, so that the file behind standard error stays small."""
    with contextlib.suppress(OSError):
        os.ftruncate(2, 0)
        os.lseek(2, 0, os.SEEK_SET)


def _read(requests: BinaryIO) -> bytes | None:
    header = requests.read(HEADER)
    if len(header) < HEADER:
        return None
    content = requests.read(int.from_bytes(header[:4], "big"))
    return content if len(content) == int.from_bytes(header[:4], "big") else None


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, even during an evaluation."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
