"""`policyd exceptions`: list exceptions, and print the document that asks for one.

In: a policy set, an audit log, a project. Out: a list, JSON or an Exception on standard output.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from policyd.bootstrap import build
from policyd.cli.default_group import DefaultGroup
from policyd.cli.options import (
    EVERY_PROFILE,
    bundle,
    caller_environment,
    close_at_end,
    compose_flags,
    compose_options,
    current_folder,
    local_settings,
    question,
    settings_options,
)
from policyd.cli.output import format_option, show
from policyd.cli.targets import find_target
from policyd.config import Settings, default_audit
from policyd.errors import NotFound
from policyd.exception_list import exception_list
from policyd.formats.available import EXCEPTION_REQUEST, EXCEPTIONS
from policyd.formats.exception_request import ExceptionRequest
from policyd.formats.exceptions import Exceptions
from policyd.model import Source
from policyd.policies.exceptions import DAY
from policyd.policies.policy_set import load_policy_set
from policyd.suggestion import did_you_mean

if TYPE_CHECKING:
    from policyd.audit.store import Store

LIST: Final = "list"
_SUBJECT: Final = "--repository, --environment or --host"
EPILOG: Final = """\b
Examples:
  policyd exceptions
  policyd exceptions list --within 30
  policyd exceptions request no-all-gpus --repository ml/train \\
      --owner ml-infra --reason "Full-node training until March"
"""
LIST_EPILOG: Final = """\b
Examples:
  policyd exceptions --policy-set policyset.yaml
  policyd exceptions --within 30 --audit postgresql://policyd@db/audit
  policyd exceptions --format json
\b
An exception is unused when no decision in the audit log was changed by it.
Without --audit, the command reads the audit log of `policyd serve` on this
machine, if it exists.
"""


REQUEST_EPILOG: Final = """\b
Example:
  policyd exceptions request no-all-gpus train --repository ml/train \\
      --owner ml-infra --reason "Full-node training until March"
\b
An exception must name a repository, an environment or a host, because the
author of a project chooses the names of everything else.
"""


class ExceptionsGroup(DefaultGroup):
    """`policyd exceptions`, with the default command `list`."""

    default = LIST


@click.group(
    "exceptions",
    cls=ExceptionsGroup,
    epilog=EPILOG,
    short_help="List exceptions, or print the document that asks for one.",
)
def command() -> None:
    """List the exceptions of a policy set, or print the document that asks for one.

    `policyd exceptions` is short for `policyd exceptions list`.
    """


@command.command(LIST, epilog=LIST_EPILOG)
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
def list_exceptions(within: int, unused_for: int, form: str, **options: Any) -> int:
    """List exceptions, and mark those that expire soon, have expired or are unused."""
    chosen = local_settings(**options)
    policy_set = load_policy_set(Path(chosen.policy_set) if chosen.policy_set else None)
    found = exception_list(
        policy_set, _open_log(chosen), now=time.time_ns(), within=within, unused_for=unused_for
    )
    show(Exceptions(found, within), EXCEPTIONS, form)
    return 0


@command.command("request", epilog=REQUEST_EPILOG)
@click.argument("policy_id", metavar="POLICY")
@click.argument("path", metavar="[PATH]", required=False)
@click.option("--owner", default="", metavar="NAME", help="Who is responsible. Required.")
@click.option("--reason", default="", metavar="TEXT", help="Why the project needs it. Required.")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="How long the exception lasts from now.",
)
@click.option("--repository", default="", metavar="NAME", help="Repository of the project.")
@click.option("--environment", default="", metavar="NAME", help="Environment of the deployment.")
@click.option("--host", default="", metavar="NAME", help="Host of the deployment.")
@compose_options
@settings_options("policy_set")
def request(
    policy_id: str, path: str | None, owner: str, reason: str, days: int, **options: Any
) -> int:
    """Print the document that asks to exempt the violations of POLICY by a project.

    Evaluates the project in PATH (default: this folder). The exception covers exactly its present
    violations: the project, the services, and the paths of the values.
    """
    flags = compose_flags(options)
    source = Source(**{key: options.pop(key) for key in ("repository", "environment", "host")})
    subject = source.repository or source.environment or source.host
    given = {"--owner": owner, "--reason": reason, _SUBJECT: subject}
    if missing_options := [option for option, value in given.items() if not value]:
        raise click.UsageError(f"the exception also needs {', '.join(missing_options)}")
    chosen = msgspec.structs.replace(local_settings(**options), audit="")
    environment = caller_environment()
    target = find_target(path, flags, current_folder(), environment)
    services = build(chosen)
    close_at_end(services)
    known = services.policy_set.policies
    if policy_id not in known:
        raise NotFound(f"unknown policy {policy_id}{did_you_mean(policy_id, known)}")
    review = question(source, "CHECK")
    decision = services.decide(bundle(target, EVERY_PROFILE, environment), review)
    found = [one for one in decision.violations if one.policy == policy_id]
    if not found:
        why = "" if decision.status.code in (200, 403) else f": {decision.status.message}"
        raise NotFound(f"{target.source}: no violation of {policy_id}{why}")
    starts = review.now // DAY * DAY
    asked = ExceptionRequest(
        policy_id, decision.project, found, source, owner, reason, starts, starts + days * DAY
    )
    show(asked, EXCEPTION_REQUEST)
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
