"""`policyd token`: make, list and revoke tokens of the webhook.

In: an audit log, whose database keeps the digests of tokens. Out: a new token, or a list.
"""

from __future__ import annotations

import os
import pwd
import re
import time
from typing import TYPE_CHECKING, Final, get_args

import click

from policyd.cli.options import close_at_end, settings, settings_options
from policyd.cli.output import format_option, show
from policyd.config import LIMITED_SCOPES, Scope, default_audit
from policyd.errors import ConfigError
from policyd.formats.available import TOKENS
from policyd.model import EnforcementPoint, FailurePolicy

if TYPE_CHECKING:
    from policyd.audit.tokens import Tokens

DAY: Final = 24 * 3600 * 1_000_000_000
"""Nanoseconds."""
_TOKEN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@click.group("token")
def command() -> None:
    """Make, list and revoke tokens of the webhook."""


@command.command("create")
@settings_options("audit")
@click.argument("name")
@click.option("--owner", required=True, metavar="NAME", help="Owner, as in reviews and logs.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(get_args(Scope)),
    default=("review",),
    show_default=True,
    help="What the token may be used for; can be repeated.",
)
@click.option("--repository", "repositories", multiple=True, metavar="GLOB",
              help="Repositories that it may review and read about.")  # fmt: skip
@click.option("--environment", "environments", multiple=True, metavar="GLOB",
              help="Environments that it may review and read about. Default: all.")  # fmt: skip
@click.option("--host", "hosts", multiple=True, metavar="GLOB",
              help="Hosts that it may review and read about. Default: all.")  # fmt: skip
@click.option(
    "--enforcement-point",
    type=click.Choice(get_args(EnforcementPoint)),
    default="ci",
    show_default=True,
    help="Enforcement point of its reviews.",
)
@click.option(
    "--failure-policy",
    type=click.Choice(get_args(FailurePolicy)),
    help="What follows when policyd fails during its reviews. Default: that of the enforcement "
    "point.",
)
@click.option("--speaks-for-users", is_flag=True, help="Reviews may name a user.")
@click.option(
    "--expires-in",
    type=click.IntRange(1, 3650),
    metavar="DAYS",
    help="Days until it expires. Default: never.",
)
def create(
    config: str | None,
    audit: str | None,
    name: str,
    owner: str,
    scopes: tuple[Scope, ...],
    repositories: tuple[str, ...],
    environments: tuple[str, ...],
    hosts: tuple[str, ...],
    enforcement_point: EnforcementPoint,
    failure_policy: FailurePolicy | None,
    speaks_for_users: bool,
    expires_in: int | None,
) -> int:
    """Make the token NAME, and print it once.

    Its digest is stored in the database of the audit log, which records that it was made. All
    workers accept it at once.
    """
    from policyd.audit.token_record import Permissions

    if not _TOKEN_NAME.fullmatch(name):
        raise ConfigError(
            "the name of a token has up to 64 letters, digits, '.', '_' and '-', and begins with a "
            "letter or digit"
        )
    if not repositories and {*scopes} & {*LIMITED_SCOPES}:
        raise ConfigError("--repository is missing; write '**' for all repositories")
    if not all((*repositories, *environments, *hosts)):
        raise ConfigError("--repository, --environment and --host cannot be empty; '**' means all")
    permissions = Permissions(
        owner=owner,
        scopes=scopes,
        repositories=repositories,
        environments=environments or ("**",),
        hosts=hosts or ("**",),
        enforcement_point=enforcement_point,
        failure_policy=failure_policy or "",
        speaks_for_users=speaks_for_users,
    )
    now = time.time_ns()
    expires = now + expires_in * DAY if expires_in else 0
    token = _tokens(config, audit).create(
        name, permissions, now=now, actor=_user(), expires=expires
    )
    click.echo(token)
    return 0


@command.command("list")
@settings_options("audit")
@format_option(TOKENS)
def list_tokens(config: str | None, audit: str | None, form: str) -> int:
    """List the tokens in the database. Those of the settings file are not listed."""
    show(_tokens(config, audit).records(), TOKENS, form)
    return 0


@command.command("revoke")
@settings_options("audit")
@click.argument("name")
def revoke(config: str | None, audit: str | None, name: str) -> int:
    """Revoke the token NAME. All workers refuse it at once."""
    record = _tokens(config, audit).revoke(name, now=time.time_ns(), actor=_user())
    click.echo(f"The token {record.name} of {record.permissions.owner} is revoked.")
    return 0


def _tokens(config: str | None, audit: str | None) -> Tokens:
    from policyd.audit.store import open_store
    from policyd.audit.tokens import Tokens

    store = open_store(settings(config, audit=audit).audit or default_audit(os.environ))
    close_at_end(store)
    return Tokens(store)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
