"""How the webhook logs: one JSON object, or one readable line, for each event, on standard output.

Neither bodies nor tokens nor environment values are ever logged.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import structlog

from policyd.model import Decision

_SHARED: Final[list[Any]] = [
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(form: Literal["json", "console"]) -> None:
    """Make everything that logs through structlog in this process log as `form`."""
    structlog.configure(
        processors=[*_SHARED, structlog.processors.format_exc_info, _renderer(form)],
        logger_factory=structlog.WriteLoggerFactory(),
    )


def log_decision(log: Any, event: str, decision: Decision | None, **facts: Any) -> None:
    """Log `event` with `facts` and, if there is one, what `decision` was and by which exceptions.

    A decision by a break-glass exception is a warning.
    """
    if decision is None:
        log.info(event, **facts)
        return
    facts |= {"decision_id": decision.decision_id, "allowed": decision.allowed}
    broken = "breakGlass" in decision.audit_annotations
    tell = log.warning if broken else log.info
    tell(event, **facts, **decision.audit_annotations)


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
