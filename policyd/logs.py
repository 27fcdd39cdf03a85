"""Logging of the webhook: one JSON object or one readable line per event, on standard output.

Bodies, tokens and values of variables are never logged. URLs lose their credentials and queries. A
traceback has no messages, because the message of an unexpected error can quote any value.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import MutableMapping
from typing import Any, Final, Literal

import structlog

from policyd.masking import without_credentials
from policyd.model import Decision

Event = MutableMapping[str, Any]


def _traceback(_logger: Any, _name: str, event: Event) -> Event:
    """Replace `exc_info` by the frames and types of the error and its causes."""
    error = event.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    elif error is True:
        error = sys.exc_info()[1]
    parts: list[str] = []
    while isinstance(error, BaseException):
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{frames}{type(error).__qualname__}")
        error = error.__cause__ or error.__context__
    if parts:
        event["exception"] = "\ncaused by\n".join(parts)
    return event


def _strip_credentials(_logger: Any, _name: str, event: Event) -> Event:
    """Remove credentials and queries of URLs from all texts of `event`."""
    for key, value in event.items():
        if isinstance(value, str) and key != "exception":
            event[key] = without_credentials(value)
    return event


_SHARED: Final[list[Any]] = [
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _traceback,
    _strip_credentials,
]


def configure(form: Literal["json", "console"]) -> None:
    """Set the format of everything that this process logs through structlog.

    The unexpected error of a thread is logged in the same way.
    """
    structlog.configure(
        processors=[*_SHARED, _renderer(form)], logger_factory=structlog.WriteLoggerFactory()
    )
    threading.excepthook = _log_thread_error


def _log_thread_error(failure: threading.ExceptHookArgs) -> None:
    name = failure.thread.name if failure.thread else ""
    structlog.get_logger("policyd.threads").error(
        "internal error", thread=name, exc_info=failure.exc_value
    )


def log_decision(log: Any, event: str, decision: Decision | None, **fields: Any) -> None:
    """Log `event` with `fields`, and with `decision` and its exceptions if there is a decision.

    A decision that used a break-glass exception is logged as a warning.
    """
    if decision is None:
        log.info(event, **fields)
        return
    fields |= {"decision_id": decision.decision_id, "allowed": decision.allowed}
    unusual = {"breakGlass", "failurePolicy"} & {*decision.audit_annotations}
    tell = log.warning if unusual else log.info
    tell(event, **fields, **decision.audit_annotations)


def granian_logging(form: Literal["json", "console"]) -> dict[str, Any]:
    """Return the `logging.config` dictionary that makes granian log in the format `form`."""
    return {
        "formatters": {
            "policyd": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    _renderer(form),
                ],
            }
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "policyd",
                "stream": "ext://sys.stdout",
            }
        },
        "loggers": {"_granian": {"handlers": ["console"], "propagate": False}},
    }


def _renderer(form: Literal["json", "console"]) -> Any:
    if form == "json":
        return structlog.processors.JSONRenderer()
    console = structlog.dev.ConsoleRenderer(colors=False)
    return lambda logger, name, event: console(logger, name, _printable(event))


def _printable(event: Event) -> Event:
    """Return `event` with escaped control characters, except in the traceback.

    The path of a request can contain escape sequences, which a terminal would obey.
    """
    return {
        key: value.encode("unicode_escape").decode()
        if isinstance(value, str) and key != "exception" and not value.isprintable()
        else value
        for key, value in event.items()
    }
