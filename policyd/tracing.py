"""Spans of a review, for traces of what its time was spent on.

In: the names of the parts of a review. Out: spans of the tracer that the server has set, or nothing
at the cost of one comparison. Attributes are ids, kinds and numbers: never values of a project.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, Protocol


class Tracer(Protocol):
    """Opens spans."""

    def span(self, name: str) -> AbstractContextManager[None]:
        """Open a span below the current one."""

    def request(self, name: str, headers: Mapping[str, str]) -> AbstractContextManager[None]:
        """Open the span of a request, below that of the caller if `headers` name one."""

    def annotate(self, attributes: Mapping[str, str | bool | int]) -> None:
        """Give the current span `attributes`."""


_NOTHING: Final = nullcontext()
_tracer: Tracer | None = None


def span(name: str) -> AbstractContextManager[None]:
    """Return the context of the part `name` of a review."""
    return _NOTHING if _tracer is None else _tracer.span(name)


def request(name: str, headers: Mapping[str, str]) -> AbstractContextManager[None]:
    """Return the context of a request with `headers`. Source: W3C Trace Context, section 3."""
    return _NOTHING if _tracer is None else _tracer.request(name, headers)


def annotate(attributes: Mapping[str, str | bool | int]) -> None:
    """Give the current span `attributes`: no values of projects, and no names that callers made."""
    if _tracer is not None:
        _tracer.annotate(attributes)


def use(tracer: Tracer | None) -> None:
    """Open all spans of this process with `tracer` from now on."""
    global _tracer
    _tracer = tracer


@contextmanager
def using(tracer: Tracer) -> Iterator[None]:
    """Open spans with `tracer` while the context lasts."""
    use(tracer)
    try:
        yield
    finally:
        use(None)
