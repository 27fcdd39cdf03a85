"""Options and the log that the commands of `policyd audit` share.

In: options. Out: an open audit log, moments and periods.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from policyd.cli.options import Command, close_at_end, settings, settings_options
from policyd.cli.output import format_option
from policyd.config import default_audit

if TYPE_CHECKING:
    from policyd.audit.moments import Period
    from policyd.audit.store import Store

_TIME = "TIME"


def reading(formats: Iterable[str], *more: str) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of a command that reads the audit log.

    `more` are settings that get an option besides that of the log.
    """

    def decorate(function: Command) -> Command:
        return settings_options("audit", *more)(format_option(formats)(function))

    return decorate


def period_options(what: str) -> Callable[[Command], Command]:
    """Return a decorator that adds `--since` and `--until`; `what` is what has the times."""

    def decorate(function: Command) -> Command:
        until = click.option(
            "--until", metavar=_TIME, help=f"Only {what} before this date or RFC 3339 time."
        )
        since = click.option(
            "--since", metavar=_TIME, help=f"Only {what} from this date or RFC 3339 time on."
        )
        return since(until(function))

    return decorate


def named_filters(what: str, *names: str) -> Callable[[Command], Command]:
    """Return a decorator that adds an option for each of the filters `names` of `what`."""

    def decorate(function: Command) -> Command:
        for name in reversed(names):
            description, value = _FILTERS[name]
            option = click.option(
                f"--{name}", value, metavar="ID" if name == "gpu" else "NAME",
                callback=_not_empty if name == "gpu" else None,
                help=f"Only {what} {description}.",
            )  # fmt: skip
            function = option(function)
        return function

    return decorate


_FILTERS = {
    "repository": ("of this repository", "repository"),
    "project": ("of this project", "project"),
    "environment": ("in this environment", "environment"),
    "host": ("on this host", "host"),
    "user": ("that this user asked for", "username"),
    "exception": ("that this exception permitted", "exception"),
    "gpu": ("of this device (index, UUID, CDI name or node), also by all devices", "gpu"),
}
"""What each filter selects, and its name in queries."""


def _not_empty(_context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty; give the name of a device", param=option)
    return value


def opened(config: str | None, audit: str | None) -> Store:
    """Return the audit log of the options or of the settings. It is closed when the command ends.

    Raises AuditError.
    """
    from policyd.audit.store import open_store

    url = settings(config, audit=audit).audit or default_audit(os.environ)
    store = open_store(url, create=False)
    close_at_end(store)
    return store


def period(since: str | None, until: str | None) -> Period:
    """Return the period of `--since` and `--until`. Raises RequestError."""
    from policyd.audit.moments import read_period

    return read_period(since, until, ("--since", "--until"))


def time_filters(at: str | None, since: str | None, until: str | None) -> dict[str, Any]:
    """Return the filters of grants for `--at`, `--since` and `--until`. Raises RequestError."""
    from policyd.audit.moments import read_when

    moment, within = read_when(at, since, until, "--")
    return {"at": moment, "period": within}
