"""The option `--report FORMAT=FILE`, and the files that it names.

In: the values of the option, a document, and the formats of its kind. Out: files. Errors:
UsageError for an option that is not valid; a file that cannot be written is reported on standard
error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import click

from policyd.bootstrap import configured_policy_set
from policyd.cli import complain
from policyd.cli.options import Command
from policyd.config import Settings
from policyd.formats.contract import Formats
from policyd.formats.report.available import REPORT
from policyd.policies.packs import Policy

Document = TypeVar("Document")
RULED: Final = {"sarif"}
"""Formats that describe the policies too."""


def report_option(command: Command) -> Command:
    """Return `command` with `--report` added."""
    return click.option(
        "--report",
        "reports",
        multiple=True,
        metavar="FORMAT=FILE",
        help="Also write a report to a file; can be repeated. Formats: those of --format.",
    )(command)


def report_files(reports: Sequence[str]) -> dict[str, str]:
    """Return the format of each report by its file. Raises UsageError."""
    files: dict[str, str] = {}
    for report in reports:
        form, equals, file = report.partition("=")
        if not equals or not file or form not in REPORT:
            known = ", ".join(REPORT)
            raise click.UsageError(f"--report {report}: expected FORMAT=FILE; formats: {known}")
        if file == "-":
            raise click.UsageError(f"--report {report}: name a file; --format {form} prints it")
        if file in files:
            raise click.UsageError(f"--report: two reports are written to {file}")
        files[file] = form
    return files


def described_policies(settings: Settings, formats: set[str]) -> Mapping[str, Policy]:
    """Return the policies by id if one of `formats` describes them."""
    return configured_policy_set(settings).policies if formats & RULED else {}


def write_reports(document: Document, formats: Formats[Document], files: Mapping[str, str]) -> bool:
    """Write `document` to each of `files`, and return whether all could be written."""
    written = [_write(file, formats[form](document)) for file, form in files.items()]
    return all(written)


def _write(file: str, text: str) -> bool:
    try:
        with open(file, "w", encoding="utf-8", errors="replace") as opened:
            opened.write(text)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        complain(f"--report: cannot write {file}: {reason}")
        return False
    return True
