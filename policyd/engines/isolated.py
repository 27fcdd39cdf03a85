"""The regorus interpreter in processes of its own, so that no policy can harm the service.

In: Rego modules and data, once; an input document for each evaluation. Out: Findings. A crash, a
panic, an evaluation without end or one that needs too much memory ends the evaluator process, never
this one: the review gets an EngineError, and the next evaluation has a new evaluator. An evaluator
is started as a new program, because a fork of a process with threads is not safe. The first
evaluation starts one; another starts only when all are busy for a while, so that evaluations do not
wait for one that hangs.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from typing import TYPE_CHECKING, Any, Final

import msgspec

from policyd import deadline
from policyd.engines import DEADLINE, EngineOptions, decode, too_slow
from policyd.engines.evaluator import ERROR, HEADER, REQUEST, Setup, lacked_memory, message
from policyd.errors import ConfigError, EngineError, EngineUnavailable, Overloaded
from policyd.model import Findings, to_json

if TYPE_CHECKING:
    from policyd.policies.policy_set import PolicySet

MEMORY: Final = 2 * 1024**3
"""Bytes of address space of an evaluator. An idle one takes 0.3 GiB."""
EVALUATORS: Final = 4
"""Evaluators of one engine at the same time, at most."""
PATIENCE: Final = 0.2
"""Seconds that an evaluation waits for a busy evaluator before another is started."""
MAX_ANSWER: Final = 256 * 1024**2
"""Bytes of a result. The findings of the largest project need a tenth of that."""

_COMMAND: Final = (sys.executable, "-P", "-c", "from policyd.engines.evaluator import main; main()")
VARIABLES: Final = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR", "COVERAGE_PROCESS_START")
"""Variables of the environment that an evaluator gets: none that may hold a secret."""
_CHUNK: Final = 1 << 16
_STARTERS: Final[dict[int, ThreadPoolExecutor]] = {}
"""The thread that starts evaluators, by the process that it is of: a fork has no threads."""


def create(policy_set: PolicySet, options: EngineOptions) -> IsolatedEngine:
    """Return an engine with `policy_set`. Raises ConfigError if `options` name a server."""
    if options.url:
        raise ConfigError('engine_url is set, but engine is "embedded": set engine to "opa"')
    return IsolatedEngine(policy_set.modules, policy_set.data, options.deadline)


class IsolatedEngine:
    """Evaluates policies with regorus in evaluator processes. Threads may share it."""

    name = "embedded"

    def __init__(
        self,
        modules: Mapping[str, str],
        data: Mapping[str, Any],
        deadline: float = DEADLINE,
        memory: int = MEMORY,
    ) -> None:
        """`modules` is Rego text by file name; `deadline` is in seconds, `memory` in bytes."""
        setup = Setup(dict(modules), msgspec.Raw(to_json(data)), memory)
        self._setup = message(REQUEST, msgspec.json.encode(setup))
        self._deadline = deadline
        self._memory = memory
        self._pid = 0
        self._changed = threading.Condition()
        self._idle: list[_Evaluator] = []
        self._count = 0
        self._reset()

    def findings(self, review_input: bytes) -> Findings:
        """Return the findings for `review_input`.

        Raises EngineError when the evaluation fails, has no result, exceeds the deadline, or ends
        its process; Overloaded when no evaluator is free for half of the deadline.
        """
        if self._pid != os.getpid():
            self._reset()
        seconds = deadline.remaining(self._deadline)
        until = time.monotonic() + seconds
        evaluator = self._taken(until - seconds / 2)
        try:
            answer = evaluator.answer(review_input, until)
        except BaseException as error:
            evaluator.stop()
            self._give_back(None)
            raise self._explained(error, evaluator, seconds) from error
        self._give_back(evaluator)
        kind, content = answer
        if kind == ERROR:
            raise EngineError(content.decode("utf-8", "replace"))
        return decode(content)

    def close(self) -> None:
        """Stop all evaluators that are not evaluating."""
        with self._changed:
            idle, self._idle = self._idle, []
            self._count -= len(idle)
        for evaluator in idle:
            evaluator.stop()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._idle = []
        self._count = 0
        weakref.finalize(self, _stop_all, self._idle)

    def _taken(self, until: float) -> _Evaluator:
        """Return an idle evaluator, or a new one.

        Raises Overloaded when all are busy until `until`, and EngineError when none can be started.
        """
        patient_until = time.monotonic() + PATIENCE
        with self._changed:
            while not self._idle:
                now = time.monotonic()
                if self._count == 0 or (self._count < EVALUATORS and now >= patient_until):
                    self._count += 1
                    break
                if now >= until:
                    raise Overloaded(
                        f"all evaluators were busy for {self._deadline / 2:g} seconds; try again"
                    )
                self._changed.wait(min(PATIENCE, until - now))
            else:
                return self._idle.pop()
        try:
            return _started(self._setup)
        except OSError as error:
            self._give_back(None)
            raise EngineUnavailable(f"cannot start an evaluator: {error.strerror}") from error

    def _give_back(self, evaluator: _Evaluator | None) -> None:
        with self._changed:
            if evaluator is None:
                self._count -= 1
            else:
                self._idle.append(evaluator)
            self._changed.notify()

    def _explained(
        self, error: BaseException, evaluator: _Evaluator, seconds: float
    ) -> BaseException:
        if isinstance(error, TimeoutError):
            return too_slow(seconds, self._deadline)
        if isinstance(error, (OSError, EOFError)) and lacked_memory(evaluator.said):
            return EngineUnavailable(
                f"evaluating the policies needs more than {self._memory / 1024**3:g} GiB of "
                "memory: let their rules build smaller collections"
            )
        if isinstance(error, (OSError, EOFError)):
            return EngineUnavailable(f"the evaluator process ended {evaluator.ending}")
        return error


def _started(setup: bytes) -> _Evaluator:
    """Return a new evaluator, which a thread starts that lives as long as this process.

    The kernel kills an evaluator when the thread that started it ends: the threads of reviews may
    end at any time. Source: prctl(2), PR_SET_PDEATHSIG.
    """
    starter = _STARTERS.setdefault(os.getpid(), ThreadPoolExecutor(1, "policyd-evaluators"))
    return starter.submit(_Evaluator, setup).result()


class _Evaluator:
    def __init__(self, setup: bytes) -> None:
        self.said = b""
        """The standard error of the process. It is complete after the process has stopped."""
        self._errors = _errors_file()
        self._process = subprocess.Popen(  # noqa: S603 (the command is a constant)
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={name: os.environ[name] for name in VARIABLES if name in os.environ},
            close_fds=True,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)
        self._pending = setup

    @property
    def ending(self) -> str:
        """How the process ended, as the end of a sentence."""
        code = self._process.poll()
        if code is None or code == -signal.SIGKILL:
            return "unexpectedly"
        return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"

    def answer(self, review_input: bytes, until: float) -> tuple[bytes, bytes]:
        """Return kind and content of the answer.

        Raises TimeoutError at `until`, a time of time.monotonic, and EOFError or OSError when the
        process has ended.
        """
        outgoing = memoryview(self._pending + message(REQUEST, review_input))
        self._pending = b""
        incoming = bytearray()
        while True:
            if len(incoming) >= HEADER:
                size = HEADER + int.from_bytes(incoming[:4], "big")
                if size > MAX_ANSWER:
                    raise EOFError("the answer is too large")
                if len(incoming) >= size:
                    return bytes(incoming[4:5]), bytes(incoming[HEADER:size])
            readable, writable = self._wait(bool(outgoing), until)
            if writable:
                outgoing = outgoing[os.write(self._to, outgoing[:_CHUNK]) :]
            if readable:
                chunk = os.read(self._from, _CHUNK)
                if not chunk:
                    self._process.wait(1)
                    raise EOFError("the process has ended")
                incoming += chunk

    def stop(self) -> None:
        """End the process at once, and wait for its end."""
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.poll()
        if self._process.returncode is None:
            self._process.kill()
        self._process.wait()
        if not self._errors.closed:
            self.said = os.pread(self._errors.fileno(), _CHUNK, 0)
            self._errors.close()

    def _wait(self, writing: bool, until: float) -> tuple[bool, bool]:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        if writing:
            poll.register(self._to, select.POLLOUT)
        events = dict(poll.poll(left * 1000))
        return bool(events.get(self._from)), bool(events.get(self._to, 0) & select.POLLOUT)


def _errors_file() -> FileIO:
    """Return a file for standard error: one in memory, where there are such files."""
    if sys.platform == "linux":
        return FileIO(os.memfd_create("policyd-evaluator"), "r+")
    return FileIO(os.devnull, "r+")


def _stop_all(evaluators: list[_Evaluator]) -> None:
    while evaluators:
        evaluators.pop().stop()
