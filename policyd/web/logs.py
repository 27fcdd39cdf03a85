"""How the webhook logs: one JSON object, or one readable line, for each event, on standard output.

Neither bodies nor tokens nor environment values are ever logged.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import structlog

_SHARED: Final[list[Any]] = [
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(form: Literal["json", "console"]) -> None:
    """Make everything that logs through structlog in this process log as `form`."""
    structlog.configure(
        processors=[*_SHARED, structlog.processors.format_exc_info, _renderer(form)],
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=True,
    )


def granian_logging(form: Literal["json", "console"]) -> dict[str, Any]:
    """Return the logging of granian (a `logging.config` dictionary), so that it logs as `form`."""
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
    return structlog.dev.ConsoleRenderer(colors=False)
