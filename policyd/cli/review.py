"""`policyd review`: send a project to a webhook, and print its decision.

In: a folder, flags of Compose, the address of a webhook and a token. Out: the decision on standard
output as `policyd check` prints it, and the exit code.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import click

from policyd import compose, wire
from policyd.bundle import DirectoryFiles
from policyd.cli import complain
from policyd.cli.check import exit_code
from policyd.cli.options import (
    EVERY_PROFILE,
    bundle,
    caller_environment,
    compose_flags,
    compose_options,
    current_folder,
)
from policyd.cli.output import ColourChoice, colour_option, columns, format_option, show
from policyd.cli.targets import target
from policyd.compose.context import LoadContext
from policyd.compose.phases.assemble import LoadedFiles
from policyd.compose.phases.invocation import prepare
from policyd.compose.phases.project_name import project_name
from policyd.errors import (
    BundleError,
    ComposeError,
    ConfigError,
    WebhookError,
    WebhookUnavailable,
)
from policyd.failure_policies import unrecorded
from policyd.formats.report.available import REPORT
from policyd.formats.report.entries import Report, TextView
from policyd.formats.report.reviewed import reviewed
from policyd.model import API_VERSION, Bundle, FailurePolicy, Missing, Operation, Source, to_json

if TYPE_CHECKING:
    from policyd.review_client import ReviewClient

URL_VARIABLE: Final = "POLICYD_URL"
FAILURE_POLICY_VARIABLE: Final = "POLICYD_FAILURE_POLICY"
TOKEN_VARIABLE: Final = "POLICYD_TOKEN"  # noqa: S105 (the name of a variable)
_NAME: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")

EPILOG: Final = """\b
Examples:
  policyd review --repository ml/train --environment prod
  policyd review deploy --operation CREATE --host gpu-01
  policyd review --missing unknown        env files that are not in git
  policyd review --host gpu-01 --operation CREATE --receipt train.receipt
\b
POLICYD_URL is the address of the webhook, POLICYD_TOKEN a token of it. The
files that Compose would read are sent, and those variables of the environment
whose names occur in them. A webhook that is busy or does not answer is asked
again until --timeout. With --failure-policy Ignore, the project is allowed
then, with a warning: nothing was evaluated and nothing is recorded.
\b
Exit codes: 0 allowed, 1 denied, 2 nothing was decided.
"""


@click.command("review", epilog=EPILOG)
@click.argument("path", default=".", metavar="[PATH]")
@compose_options
@click.option("--url", metavar="URL", help="Address of the webhook. Default: $POLICYD_URL.")
@click.option("--ca-file", default="", metavar="FILE", help="CA certificates to trust, a PEM file.")
@click.option("--insecure", is_flag=True, help="Permit http:// to another machine.")
@click.option(
    "--timeout",
    type=click.FloatRange(1, 3600),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Time limit, with all repetitions.",
)
@click.option("--repository", default="", metavar="NAME", help="Repository of the project.")
@click.option("--environment", default="", metavar="NAME", help="Environment of the deployment.")
@click.option("--host", default="", metavar="NAME", help="Host of the deployment.")
@click.option("--ref", default="", metavar="REF", help="Git ref under review.")
@click.option("--commit", default="", metavar="ID", help="Commit under review.")
@click.option(
    "--operation",
    type=click.Choice(get_args(Operation)),
    default="CHECK",
    show_default=True,
    help="CHECK only evaluates; CREATE and UPDATE record grants; DELETE releases them.",
)
@click.option("--dry-run", is_flag=True, help="Decide as for the operation, without grants.")
@click.option(
    "--missing",
    type=click.Choice(get_args(Missing)),
    default="error",
    show_default=True,
    help="What an env file or required variable is that is not here.",
)
@click.option(
    "--receipt",
    metavar="FILE",
    help="File to write the signed receipt of the decision to; see policyd receipt.",
)
@click.option(
    "--failure-policy",
    type=click.Choice(get_args(FailurePolicy)),
    default="Fail",
    show_default=True,
    envvar=FAILURE_POLICY_VARIABLE,
    help="Where the webhook is not available: Fail ends with 2, Ignore allows. Default: "
    "$POLICYD_FAILURE_POLICY.",
)
@click.option("--uid", default="", metavar="ID", help="Id of the review. Default: a new one.")
@format_option(REPORT)
@click.option("-q", "--quiet", is_flag=True, help="Print only the verdict; requires --format text.")
@colour_option
def command(
    path: str,
    url: str | None,
    ca_file: str,
    insecure: bool,
    timeout: float,
    operation: Operation,
    dry_run: bool,
    missing: Missing,
    receipt: str | None,
    failure_policy: FailurePolicy,
    uid: str,
    form: str,
    quiet: bool,
    colour: ColourChoice,
    **options: Any,
) -> int:
    """Ask a webhook whether a project may be deployed.

    Sends the project in PATH (default: this folder) and prints what to change, as `policyd check`
    does. The decision is recorded.
    """
    if form != "text" and quiet:
        raise click.UsageError("--quiet requires --format text")
    address = _address(url)
    client = _client(address, timeout, ca_file, insecure=insecure)
    project, sent = _read(path, options)
    sent |= {"missing": missing}
    asked = {"uid": uid or str(uuid.uuid4()), "operation": operation, "dryRun": dry_run}
    asked |= {"source": Source(**options), "project": sent}
    answer = _answer(client, asked, failure_policy)
    if receipt is not None:
        _write_receipt(receipt, answer, address)
    result = reviewed(path, answer.response, project.root, project.shown)
    show(Report([result], view=TextView(quiet, columns=columns())), REPORT, form, colour)
    _warn(answer.response.warnings if form != "text" else ())
    return exit_code([result])


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        complain(warning, "warning")


def _address(url: str | None) -> str:
    """Return the address of the webhook. Raises ConfigError without one."""
    address = url or os.environ.get(URL_VARIABLE, "")
    if not address:
        raise ConfigError(f"the address of the webhook is missing: set {URL_VARIABLE} or use --url")
    return address


def _client(address: str, seconds: float, ca_file: str, *, insecure: bool) -> ReviewClient:
    # Imported here because it imports requests, and printing help is faster without.
    from policyd.review_client import ReviewClient

    def waits(reason: str) -> None:
        complain(f"{reason}; asking again for up to {seconds:g} seconds", "note")

    return ReviewClient(
        address,
        os.environ.get(TOKEN_VARIABLE, ""),
        seconds=seconds,
        ca_file=ca_file,
        insecure=insecure,
        waits=waits,
    )


def _read(path: str, options: dict[str, Any]) -> tuple[DirectoryFiles, dict[str, Any]]:
    """Return the files of the project in `path`, and what the request has of it.

    Removes the flags of Compose from `options`.
    """
    environment = caller_environment()
    place = target(path, compose_flags(options), current_folder())
    project = bundle(place, EVERY_PROFILE, environment)
    assert isinstance(project.files, DirectoryFiles)
    return project.files, _project(project, environment)


def _answer(
    client: ReviewClient, asked: Mapping[str, Any], failure_policy: FailurePolicy
) -> wire.ComposeReview:
    document = {"apiVersion": API_VERSION, "kind": "ComposeReview", "request": asked}
    try:
        return client.ask(to_json(document))
    except WebhookUnavailable as error:
        if failure_policy == "Fail":
            raise
        return wire.ComposeReview(response=unrecorded(asked["uid"], error))


def _write_receipt(path: str, answer: wire.ComposeReview, address: str) -> None:
    """Write the receipt in `answer` to `path`. Raises WebhookError if there is none."""
    from policyd.receipts.verification import receipt_text

    if not answer.receipt:
        raise WebhookError(
            f"{address} did not send a receipt: only a service with the setting receipt_key_file "
            "signs them, and there is none for a DELETE and for a failure that was ignored"
        )
    try:
        with open(path, "wb") as file:
            file.write(receipt_text(answer.receipt))
    except OSError as error:
        raise ConfigError(f"--receipt: cannot write {path}: {error.strerror}") from error


def _project(project: Bundle, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the project of a ComposeReview: what Compose would read of `project`."""
    files = project.files
    assert isinstance(files, DirectoryFiles)
    if "-" in project.compose_files:
        raise ConfigError("a Compose file on standard input cannot be sent; name a file")
    if project.project_directory:
        raise ConfigError("--project-directory cannot be sent; name a folder as PATH")
    compose_files: tuple[str, ...] = ()
    # The webhook does not know the folder, which names a project whose files do not.
    name = project.project_name
    context = LoadContext(project)
    try:
        call = prepare(context)
        compose_files = call.files
        name = project_name(context, LoadedFiles(context), call)
        compose.load(project)
    except ComposeError:
        pass  # the webhook denies with the reason
    texts = {name: _text(files, name) for name in files.names()}
    words = {word.decode() for text in texts.values() for word in _NAME.findall(text.encode())}
    used = {variable: value for variable, value in environment.items() if variable in words}
    return {
        "files": texts,
        "name": name,
        "composeFiles": [files.display(path) for path in compose_files],
        "envFiles": [files.display(path) for path in project.env_files],
        "env": used | {word: environment[word] for word in environment if _is_compose(word)},
    }


def _is_compose(name: str) -> bool:
    """Return whether Compose reads the variable itself, and files are not named in it."""
    return name in ("COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "COMPOSE_DISABLE_ENV_FILE")


def _text(files: DirectoryFiles, name: str) -> str:
    if Path(name).is_absolute() or name.startswith("../"):
        raise BundleError(f"{name}: the file is outside of the project and cannot be sent")
    try:
        return (files.shown(name) or b"").decode()
    except UnicodeDecodeError:
        raise BundleError(f"{name}: the file is not UTF-8 and cannot be sent") from None
