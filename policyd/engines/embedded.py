"""The default engine: the regorus interpreter, in this process.

In: Rego modules and data, once; an input document for each evaluation. Out: Findings. Only the
thread that created an interpreter may use it, its panics are not Exceptions, and it holds the GIL
while it evaluates. Therefore each process has one thread that alone uses the interpreter. The first
evaluation starts it; it ends when the engine is closed or garbage-collected.
Source: gordon-to-regorus 0.13.
"""

from __future__ import annotations

import os
import queue
import re
import threading
import time
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import regorus  # type: ignore[import-untyped]

from policyd import deadline
from policyd.engines import DEADLINE, QUERY, EngineOptions, decode, too_slow
from policyd.errors import ConfigError, EngineError
from policyd.lazy_pattern import lazy_pattern
from policyd.model import Findings, Location, to_json

if TYPE_CHECKING:
    from policyd.policies.policy_set import PolicySet

_PLACE = lazy_pattern(r"^--> (?P<file>.+):(?P<line>\d+):(?P<column>\d+)$", re.MULTILINE)
_REASON = lazy_pattern(r"^error: (?P<reason>.+)$", re.MULTILINE)


class _Answer:
    """The pending result of an evaluation. (concurrent.futures.Future is slow to import.)"""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._text = ""
        self._error: EngineError | None = None

    def give(self, text: str, error: EngineError | None = None) -> None:
        self._text, self._error = text, error
        self._ready.set()

    def wait(self, seconds: float) -> str:
        """Return the text, "" if there is none in time. Raises the EngineError, if there is one."""
        self._ready.wait(seconds)
        if self._error is not None:
            raise self._error
        return self._text


_Request = tuple[bytes, _Answer]


def interpreter(
    modules: Mapping[str, str], data: Mapping[str, Any], *, coverage: bool = False
) -> regorus.Engine:
    """Return an interpreter with `modules` (text by file name) and `data`.

    Only the calling thread may use it. With `coverage` it records which lines it evaluates. Raises
    the errors of regorus: see `explain`.
    """
    # The parser of regorus makes errors that it discards. With RUST_BACKTRACE=1, each of them
    # records the stack, which takes as long as parsing.
    os.environ.setdefault("RUST_LIB_BACKTRACE", "0")
    engine = regorus.Engine()
    engine.set_enable_coverage(coverage)
    for name, text in modules.items():
        engine.add_policy(name, text)
    engine.add_data_json(to_json(data).decode())
    return engine


def explain(error: BaseException) -> tuple[str, Location | None]:
    """Return the sentence and the location in an error or a panic of regorus."""
    text = str(error).split("\nStack backtrace:", 1)[0]
    place, reason = _PLACE.search(text), _REASON.search(text)
    where = Location(place["file"], int(place["line"]), int(place["column"])) if place else None
    sentence = reason["reason"] if reason else " ".join(text.split()) or type(error).__name__
    if not isinstance(error, Exception):
        sentence = f"the Rego interpreter panicked: {sentence}"
    return sentence, where


def create(policy_set: PolicySet, options: EngineOptions) -> EmbeddedEngine:
    """Return an engine with `policy_set`. Raises ConfigError if `options` name a server."""
    if options.url:
        raise ConfigError('engine_url is set, but engine is "embedded": set engine to "opa"')
    return EmbeddedEngine(policy_set.modules, policy_set.data, options.deadline)


class EmbeddedEngine:
    """Evaluates policies with regorus in a separate thread."""

    name = "embedded"
    _lock: threading.Lock
    _thread: threading.Thread | None
    _queue: queue.SimpleQueue[_Request | None]

    def __init__(
        self, modules: Mapping[str, str], data: Mapping[str, Any], deadline: float = DEADLINE
    ) -> None:
        """`modules` is the Rego text by file name; `deadline` is in seconds."""
        self._modules = dict(modules)
        self._data = dict(data)
        self._deadline = deadline
        self._reset()
        own = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _reset(own()))

    def findings(self, review_input: bytes) -> Findings:
        """Return the findings and grants for `review_input`.

        Raises EngineError when the evaluation fails, has no result, or exceeds the deadline.
        """
        started = time.monotonic()
        answer = _Answer()
        self._requests().put((review_input, answer))
        seconds = deadline.remaining(self._deadline)
        text = answer.wait(seconds)
        if time.monotonic() - started > seconds:
            raise too_slow(seconds, self._deadline)
        return decode(text)

    def close(self) -> None:
        """Stop the thread after the evaluations that wait for it."""
        with self._lock:
            if self._thread is not None:
                self._queue.put(None)
                self._thread.join(self._deadline)
                self._thread = None

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._thread = None

    def _requests(self) -> queue.SimpleQueue[_Request | None]:
        with self._lock:
            if self._thread is None:
                self._queue = queue.SimpleQueue()
                self._thread = threading.Thread(
                    target=_evaluate_all,
                    args=(self._queue, self._modules, self._data),
                    name="policyd-engine",
                    daemon=True,
                )
                self._thread.start()
                weakref.finalize(self, self._queue.put, None).atexit = False
            return self._queue


def _reset(engine: EmbeddedEngine | None) -> None:
    if engine is not None:
        engine._reset()


def _evaluate_all(
    requests: queue.SimpleQueue[_Request | None],
    modules: Mapping[str, str],
    data: Mapping[str, Any],
) -> None:
    """Evaluate `requests` until one is None. An error discards the interpreter."""
    engine: regorus.Engine | None = None
    while (request := requests.get()) is not None:
        review_input, answer = request
        try:
            engine = engine or interpreter(modules, data)
            engine.set_input_json(review_input.decode())
            answer.give(engine.eval_rule_as_json(QUERY))
        except BaseException as error:  # noqa: BLE001 (a panic of regorus is not an Exception)
            engine = None
            sentence, where = explain(error)
            answer.give("", EngineError(f"{where}: {sentence}" if where else sentence))
