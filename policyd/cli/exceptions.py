"""`policyd exceptions`: list exceptions, and which of them expire soon or are unused.

In: a policy set, an audit log. Out: a list or JSON on standard output.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from policyd.cli.options import close_at_end, settings, settings_options
from policyd.cli.output import format_option, show
from policyd.config import Settings, default_audit
from policyd.exception_list import exception_list
from policyd.formats.available import EXCEPTIONS
from policyd.formats.exceptions import Exceptions
from policyd.policies.policy_set import load_policy_set

if TYPE_CHECKING:
    from policyd.audit.store import Store

EPILOG: Final = """\b
Examples:
  policyd exceptions --policy-set policyset.yaml
  policyd exceptions --within 30 --audit postgresql://policyd@db/audit
  policyd exceptions --format json
\b
An exception is unused when no decision in the audit log was changed by it.
Without --audit, the command reads the audit log of `policyd serve` on this
machine, if it exists.
"""


@click.command(
    "exceptions", epilog=EPILOG, short_help="List exceptions, and which expire soon or are unused."
)
@settings_options("policy_set", "audit")
@click.option(
    "--within",
    type=click.IntRange(0, 36_500),
    default=14,
    show_default=True,
    metavar="DAYS",
    help="Mark exceptions that expire within DAYS.",
)
@click.option(
    "--unused-for",
    type=click.IntRange(1, 36_500),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="Mark exceptions that changed no decision in the last DAYS.",
)
@format_option(EXCEPTIONS)
def command(within: int, unused_for: int, form: str, **options: Any) -> int:
    """List exceptions, and mark those that expire soon, have expired or are unused."""
    chosen = settings(**options)
    policy_set = load_policy_set(Path(chosen.policy_set) if chosen.policy_set else None)
    found = exception_list(
        policy_set, _open_log(chosen), now=time.time_ns(), within=within, unused_for=unused_for
    )
    show(Exceptions(found, within), EXCEPTIONS, form)
    return 0


def _open_log(chosen: Settings) -> Store | None:
    """Return the audit log of the settings, else the default log of `serve` if it exists."""
    from policyd.audit.store import open_store

    usual = default_audit(os.environ)
    if not chosen.audit and not os.path.exists(usual):
        return None
    store = open_store(chosen.audit or usual, create=False)
    close_at_end(store)
    return store
