"""`policyd issuers`: the repositories whose CI jobs were accepted by their tokens.

In: an audit log. Out: a table on standard output.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from policyd.cli.options import close_at_end, settings, settings_options
from policyd.cli.output import format_option, show
from policyd.config import default_audit
from policyd.errors import NotFound
from policyd.formats.available import REPOSITORIES
from policyd.formats.job_repositories import KnownRepositories

if TYPE_CHECKING:
    from policyd.audit.jobs import Jobs


@click.group("issuers")
def command() -> None:
    """Read and forget the repositories of CI jobs.

    The first token of a job states the id of its repository. Later tokens for the same name must
    state the same id, because the name can pass to another repository.
    """


@command.command("list")
@settings_options("audit")
@format_option(REPOSITORIES)
def list_repositories(config: str | None, audit: str | None, form: str) -> int:
    """List the repositories and their ids, by issuer."""
    name, jobs = _jobs(config, audit)
    show(KnownRepositories(name, jobs.repositories()), REPOSITORIES, form)
    return 0


@command.command("forget")
@settings_options("audit")
@click.argument("issuer")
@click.argument("repository")
def forget(config: str | None, audit: str | None, issuer: str, repository: str) -> int:
    """Forget the id of REPOSITORY, so that the next token states it anew.

    ISSUER is its name in the settings. Do this after a repository was deleted and made again, or
    after its name passed to a repository that may use its rights.
    """
    name, jobs = _jobs(config, audit)
    if not jobs.forget(issuer, repository):
        raise NotFound(
            f"{name} has no repository {repository!r} of the issuer {issuer!r}; "
            "`policyd issuers list` shows all"
        )
    click.echo(f"The next token of {issuer} for {repository} states the id anew.")
    return 0


def _jobs(config: str | None, audit: str | None) -> tuple[str, Jobs]:
    """Return the name of the audit log, and the jobs in its database."""
    from policyd.audit.jobs import Jobs
    from policyd.audit.store import open_store

    url = settings(config, audit=audit).audit or default_audit(os.environ)
    store = open_store(url, create=False)
    close_at_end(store)
    return store.name, Jobs(store.database)
