"""`policyd hooks add|test`: connect a forge, and check its credentials.

In: the settings of a forge. Out: what to paste into the settings file and into the forge.
"""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING, get_args

import click

from policyd.cli.options import settings, settings_options
from policyd.errors import ConfigError, NotFound
from policyd.forge_settings import ForgeKind, ForgeSettings, completed
from policyd.formats.table import visible

if TYPE_CHECKING:
    from policyd.forges.setup import Check

ADD_EPILOG = """\b
Examples:
  policyd hooks add gitea main --service https://policyd.example \\
      --url https://gitea.example/api/v1 --token-file gitea.token \\
      --secret-file gitea.secret --repository 'ml/**'
  policyd hooks add github main --service https://policyd.example --manifest
"""


@click.command("add", epilog=ADD_EPILOG)
@click.argument("kind", type=click.Choice(get_args(ForgeKind)))
@click.argument("name")
@click.option("--service", required=True, metavar="URL", help="URL of this webhook.")
@click.option("--url", default="", metavar="URL", help="Base URL of the forge's API.")
@click.option("--token-file", default="", metavar="FILE", help="Token for the forge's API.")
@click.option("--app-id", default="", metavar="ID", help="Client id of the GitHub App.")
@click.option("--app-key-file", default="", metavar="FILE", help="Private key of the App.")
@click.option(
    "--secret-file",
    default="",
    metavar="FILE",
    help="Secret of the webhook. A new one is written if the file does not exist. "
    "Default: NAME.secret.",
)
@click.option(
    "--repository",
    "repositories",
    multiple=True,
    metavar="GLOB",
    help="Repository to review; may be repeated.",
)
@click.option("--insecure", is_flag=True, help="Allow a --url with http://.")
@click.option("--manifest", is_flag=True, help="Only print the manifest of a GitHub App.")
def add(
    kind: ForgeKind,
    name: str,
    service: str,
    url: str,
    token_file: str,
    app_id: str,
    app_key_file: str,
    secret_file: str,
    repositories: tuple[str, ...],
    insecure: bool,
    manifest: bool,
) -> int:
    """Check the credentials for a forge, and print how to connect it.

    Nothing is changed at the forge. The output is a table for the settings file, and the values for
    the form of the webhook.
    """
    from policyd.forges.setup import app_manifest, checks, settings_table

    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise click.UsageError("NAME has letters, digits, '-' and '_', and begins with no sign")
    if not re.match("https?://[^/]", service):
        raise click.UsageError(f"--service: {service!r} is not a URL; write https://HOST[:PORT]")
    if manifest:
        if kind != "github":
            raise click.UsageError("--manifest is for the kind github")
        click.echo(app_manifest(service, name), nl=False)
        return 0
    if not repositories:
        raise click.UsageError("--repository is missing; write '**' for all repositories")
    if kind != "github" and not url:
        raise click.UsageError("--url is missing: the base URL of the forge's API")
    forge = ForgeSettings(
        kind=kind,
        url=url,
        secret_file=secret_file or f"{name}.secret",
        token_file=token_file,
        app_id=app_id,
        app_key_file=app_key_file,
        repositories=repositories,
        insecure=insecure,
    )
    complete = completed(forge, f"forges.{name}", os.getcwd())
    if _report(checks(complete, f"forges.{name}")):
        return 1
    is_new = _write_secret(complete.secret_file)
    click.echo("\nAdd to the settings file:\n")
    click.echo(settings_table(name, forge))
    click.echo(_form(kind, name, service, complete.secret_file, is_new))
    return 0


def _form(kind: ForgeKind, name: str, service: str, secret_file: str, is_new: bool) -> str:
    from policyd.forges.setup import EVENTS, hook_url

    made = "which was made now" if is_new else "which existed"
    return "\n".join(
        (
            "Then make a webhook at the forge with:\n",
            f"  URL           {hook_url(service, kind, name)}",
            "  Content type  application/json",
            f"  Secret        the content of {visible(secret_file)}, {made}",
            f"  Events        {', '.join(EVENTS[kind])}",
            "\nTo block merges, make the check `policyd` required in the protection of the branch.",
        )
    )


@click.command("test")
@settings_options()
@click.argument("name")
def test(config: str | None, name: str) -> int:
    """Check the credentials of the forge NAME of the settings, and the repositories it reaches."""
    from policyd.forges.setup import checks

    forges = settings(config).forges
    if name not in forges:
        known = ", ".join(sorted(forges)) or "none"
        raise NotFound(f"no forge named {name!r} is configured; there are: {known}")
    return _report(checks(forges[name], f"forges.{name}"))


def _report(found: list[Check]) -> int:
    """Print the results of checks, and return the exit code."""
    for one in found:
        state = f"failed: {visible(one.problem)}" if one.problem else "ok"
        click.echo(f"{visible(one.what)}: {state}")
    return 1 if any(one.problem for one in found) else 0


def _write_secret(path: str) -> bool:
    """Write a new secret to `path` unless there is one, and return whether it is new."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32) + "\n")
        except OSError:
            os.unlink(path)  # the next call would take it for a secret
            raise
    except FileExistsError:
        return False
    except OSError as error:
        raise ConfigError(f"{path}: cannot write the secret: {error.strerror}") from error
    return True
