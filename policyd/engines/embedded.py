"""The default engine: the interpreter of regorus, in process.

In: Rego modules and data, once; a review input, as JSON, each time. Out: Findings. An interpreter
belongs to the thread that made it, panics are no Exceptions, and evaluation holds the GIL: so there
is one thread a process, started by the first review in that process, and it alone touches the
interpreter. It ends when the engine is closed, or forgotten. Source: gordon-to-regorus 0.13.
"""

from __future__ import annotations

import os
import queue
import re
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any

import regorus  # type: ignore[import-untyped]

from policyd.engines import QUERY, decode
from policyd.errors import EngineError
from policyd.model import Findings, Location, to_json

DEADLINE = 5.0
"""Seconds that a review may wait for its findings: a thousand times what one takes."""

_PLACE = re.compile(r"^--> (?P<file>.+):(?P<line>\d+):(?P<column>\d+)$", re.MULTILINE)
_REASON = re.compile(r"^error: (?P<reason>.+)$", re.MULTILINE)


class _Answer:
    """What a review waits for. (A Future would do, but brings in what takes long to load.)"""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._text = ""
        self._error: EngineError | None = None

    def give(self, text: str, error: EngineError | None = None) -> None:
        self._text, self._error = text, error
        self._ready.set()

    def wait(self, seconds: float) -> str:
        """Return the text, "" when it does not come in time. Raises the EngineError given."""
        self._ready.wait(seconds)
        if self._error is not None:
            raise self._error
        return self._text


_Question = tuple[bytes, _Answer]


def interpreter(
    modules: Mapping[str, str], data: Mapping[str, Any], *, coverage: bool = False
) -> regorus.Engine:
    """Return an interpreter that holds `modules` (text by file name) and `data`.

    It may be used by the calling thread only; with `coverage` it notes what it evaluates. Raises
    what regorus raises: see `explain`.
    """
    engine = regorus.Engine()
    engine.set_enable_coverage(coverage)
    for name, text in modules.items():
        engine.add_policy(name, text)
    engine.add_data_json(to_json(data).decode())
    return engine


def explain(error: BaseException) -> tuple[str, Location | None]:
    """Return the sentence and the place in an error of regorus."""
    text = str(error).split("\nStack backtrace:", 1)[0]
    place, reason = _PLACE.search(text), _REASON.search(text)
    where = Location(place["file"], int(place["line"]), int(place["column"])) if place else None
    sentence = reason["reason"] if reason else " ".join(text.split()) or type(error).__name__
    return sentence, where


class EmbeddedEngine:
    """Evaluates policies with regorus, in a thread of its own."""

    name = "embedded"
    _lock: threading.Lock
    _thread: threading.Thread | None
    _queue: queue.SimpleQueue[_Question | None]

    def __init__(
        self, modules: Mapping[str, str], data: Mapping[str, Any], deadline: float = DEADLINE
    ) -> None:
        """Evaluate `modules` (text by file name) on `data`; `deadline` is in seconds."""
        self._modules = dict(modules)
        self._data = dict(data)
        self._deadline = deadline
        self._start_afresh()
        own = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _start_afresh(own()))

    def findings(self, review_input: bytes) -> Findings:
        """Return what the policies say of `review_input`.

        Raises EngineError when Rego fails, answers nothing, or takes longer than the deadline.
        """
        started = time.monotonic()
        answer = _Answer()
        self._questions().put((review_input, answer))
        text = answer.wait(self._deadline)
        if time.monotonic() - started > self._deadline:
            raise EngineError(f"the policies took longer than {self._deadline:g} seconds")
        return decode(text)

    def close(self) -> None:
        """End the thread, after the reviews that wait for it."""
        with self._lock:
            if self._thread is not None:
                self._queue.put(None)
                self._thread.join(self._deadline)
                self._thread = None

    def _start_afresh(self) -> None:
        self._lock = threading.Lock()
        self._thread = None

    def _questions(self) -> queue.SimpleQueue[_Question | None]:
        with self._lock:
            if self._thread is None:
                self._queue = queue.SimpleQueue()
                self._thread = threading.Thread(
                    target=_answer_all,
                    args=(self._queue, self._modules, self._data),
                    name="policyd-engine",
                    daemon=True,
                )
                self._thread.start()
                weakref.finalize(self, self._queue.put, None).atexit = False
            return self._queue


def _start_afresh(engine: EmbeddedEngine | None) -> None:
    if engine is not None:
        engine._start_afresh()


def _answer_all(
    questions: queue.SimpleQueue[_Question | None],
    modules: Mapping[str, str],
    data: Mapping[str, Any],
) -> None:
    """Answer `questions` until None comes. After an error the interpreter is made anew."""
    engine: regorus.Engine | None = None
    while (question := questions.get()) is not None:
        review_input, answer = question
        try:
            engine = engine or interpreter(modules, data)
            engine.set_input_json(review_input.decode())
            answer.give(engine.eval_rule_as_json(QUERY))
        except BaseException as error:  # noqa: BLE001 (a panic of regorus is no Exception)
            engine = None
            sentence, where = explain(error)
            answer.give("", EngineError(f"{where}: {sentence}" if where else sentence))
