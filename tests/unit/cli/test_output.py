"""How commands print: the format that was chosen, and colours only on a terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from policyd.cli.output import columns, format_option, has_colours, show
from tests.support.cases import cases

PROGRAM = """
import json
import os
import sys
from policyd.cli.output import show
for environment in json.loads(sys.argv[1]):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        os.environ.pop(name, None)
    os.environ.update({"TERM": "xterm", **environment})
    show("x", {"text": lambda document, colour=False: f"{colour} \\x1b[1m{document}\\x1b[0m\\n"})
"""


@cases(("arguments", "printed"), [([], "text x\n"), (["--format", "json"], "json x\n")])
def test_the_chosen_format_is_printed(arguments: list[str], printed: str) -> None:
    formats = {
        "text": lambda document, *, colour=False: f"text {document}\n",
        "json": lambda document, *, colour=False: f"json {document}\n",
    }

    @click.command()
    @format_option(formats)
    def command(form: str) -> None:
        show("x", formats, form)

    assert CliRunner().invoke(command, arguments).output == printed
    assert CliRunner().invoke(command, ["--format", "yaml"]).exit_code == 2


class Screen(io.StringIO):
    """A file that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_terminal(*environments: dict[str, str]) -> list[str]:
    """Return what PROGRAM prints on a terminal with each of these variables."""
    parent, child = pty.openpty()
    with open(parent, "rb", buffering=0) as terminal:
        subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(environments)],
            stdout=child,
            check=True,
            cwd=Path(__file__).parents[3],
        )
        os.close(child)
        return terminal.read(1000).decode().splitlines()


def in_pipe(*environments: dict[str, str]) -> list[str]:
    """Return what PROGRAM prints into a pipe with each of these variables."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(environments)],
        capture_output=True,
        check=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    return done.stdout.splitlines()


@pytest.mark.thorough
def test_colours_are_used_on_a_terminal_unless_they_are_turned_off() -> None:
    off, forced = {"NO_COLOR": "1"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}

    dumb = {"TERM": "dumb"}

    assert on_terminal({"NO_COLOR": ""}, off, forced, dumb) == [
        "True \x1b[1mx\x1b[0m", "False x", "False x", "False x",
    ]  # fmt: skip


@pytest.mark.thorough
def test_colours_are_not_used_in_a_pipe_unless_they_are_forced() -> None:
    assert in_pipe({}, {"FORCE_COLOR": ""}, {"FORCE_COLOR": "0"}) == [
        "False x", "False x", "True \x1b[1mx\x1b[0m",
    ]  # fmt: skip


def test_a_choice_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert (has_colours("always"), has_colours("auto")) == (True, False)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert (has_colours("never"), has_colours("auto")) == (False, True)


def test_the_width_is_that_of_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    monkeypatch.setattr(sys, "stdout", Screen())
    assert columns() == 72
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert columns() == 0
