"""The command `policyd`. Only the modules of this package print or exit.

Exit codes: 0 allowed or done; 1 denied, or Compose would refuse the project; 2 nothing was decided:
incorrect usage, no Compose file, a failure of the policy set, the engine or the audit log, or an
output that cannot be written. A PolicydError becomes one line on standard error. Any other
exception keeps its traceback, and ends with 2 too.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import IO, Any, Final, NoReturn

import click

from policyd import __version__
from policyd.compose_version import COMPOSE_VERSION
from policyd.errors import ComposeError, PolicydError, PolicySetError
from policyd.formats.table import visible
from policyd.library_imports import import_yaml
from policyd.suggestion import nearest

DENIED: Final = 1
UNDECIDED: Final = 2
INTERRUPTED: Final = 130
"""128 plus the number of SIGINT, the convention of shells."""

OUTPUT_ERRORS: Final = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of standard output: nobody reads it any more, or its disk is full or broken."""

COMMANDS: Final = (
    "init",
    "check",
    "review",
    "receipt",
    "fix",
    "baseline",
    "config",
    "explain",
    "lsp",
    "policies",
    "exceptions",
    "schema",
    "test",
    "eval",
    "bundle",
    "serve",
    "audit",
    "hooks",
    "token",
    "issuers",
    "inventory",
    "host",
)
"""Each command is `command` in the module of the same name, which is imported on first use."""

EPILOG: Final = """\b
Examples:
  policyd init                       write .policyd.yaml, a hook and a CI job
  policyd check                      evaluate the project in this folder
  policyd check apps/*               evaluate many projects, on all cores
  policyd check -f compose.yaml -f compose.prod.yaml --environment prod
  policyd check - < compose.yaml     read a Compose file from standard input
  policyd fix                        show mechanical fixes; --apply makes them
  policyd baseline check             fail only for violations that are new
  policyd config                     show what Docker would really run
  policyd explain no-all-gpus        explain a policy, with examples and the fix
  policyd exceptions                 show who is exempt, and until when
  policyd review                     ask the webhook about the project in this folder
  policyd serve                      run the webhook for CI and registries
  policyd audit grants               show who holds which GPU
\b
Exit codes: 0 allowed, 1 denied, 2 nothing was decided.
"""


class Commands(click.Group):
    """A group whose commands are imported on first use and return their exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        import_yaml()
        module = importlib.import_module(f"policyd.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` name. Ends with the nearest name for an unknown one."""
        if args[0] not in COMMANDS and (near := nearest(args[0], COMMANDS)):
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near!r}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> NoReturn:
        """Run the command that `ctx` names and exit with its code."""
        try:
            ctx.exit(super().invoke(ctx) or 0)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except OSError as error:
            if error.filename is not None or error.errno not in OUTPUT_ERRORS:
                raise
            # Python writes what is left in the buffer when it ends, and would fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if error.errno == errno.EPIPE:
                ctx.exit(UNDECIDED)
            raise Failure(f"standard output cannot be written: {error.strerror}") from error
        except PolicydError as error:
            kind = Refusal if isinstance(error, ComposeError) else Failure
            raise kind(f"{error}{_others(error)}") from error


def _others(error: PolicydError) -> str:
    """Return what to add to `error` if its policy set has more errors."""
    number = error.others if isinstance(error, PolicySetError) else 0
    problems = "1 more problem" if number == 1 else f"{number} more problems"
    return f" ({problems}: see `policyd policies lint`)" if number else ""


class Failure(click.ClickException):
    """A PolicydError, reported by click as one line on standard error."""

    exit_code = UNDECIDED

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002
        complain(self.message)


class Refusal(Failure):
    """An error that Compose would report too: the project is denied."""

    exit_code = DENIED


def complain(sentence: str, kind: str = "error") -> None:
    """Print `sentence` on standard error, on one line."""
    click.echo(f"policyd: {kind}: {visible(sentence)}", err=True)


@click.command(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(
    __version__,
    "-V",
    "--version",
    message=f"policyd %(version)s, which follows Docker Compose {COMPOSE_VERSION}",
)
def main() -> None:
    """Decide whether a Docker Compose project may be deployed.

    policyd computes what Docker would really run, evaluates the policies of your organisation on
    it, and reports for each violation which line to change and how.
    """
