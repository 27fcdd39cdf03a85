"""Logging of the webhook: one JSON object or one readable line per event, on standard output.

Bodies, tokens and values of variables are never logged.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Final, Literal

import structlog

from policyd.model import Decision

_SHARED: Final[list[Any]] = [
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(form: Literal["json", "console"]) -> None:
    """Set the format of everything that this process logs through structlog."""
    structlog.configure(
        processors=[*_SHARED, structlog.processors.format_exc_info, _renderer(form)],
        logger_factory=structlog.WriteLoggerFactory(),
    )


def log_decision(log: Any, event: str, decision: Decision | None, **fields: Any) -> None:
    """Log `event` with `fields`, and with `decision` and its exceptions if there is a decision.

    A decision that used a break-glass exception is logged as a warning.
    """
    if decision is None:
        log.info(event, **fields)
        return
    fields |= {"decision_id": decision.decision_id, "allowed": decision.allowed}
    broken = "breakGlass" in decision.audit_annotations
    tell = log.warning if broken else log.info
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


def _printable(event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return `event` with escaped control characters, except in the traceback.

    The path of a request can contain escape sequences, which a terminal would obey.
    """
    return {
        key: value.encode("unicode_escape").decode()
        if isinstance(value, str) and key != "exception" and not value.isprintable()
        else value
        for key, value in event.items()
    }
