"""How commands print: the format that was chosen, and colours only on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from policyd.cli.output import format_option, show

PROGRAM = """
from policyd.cli.output import show
show("x", {"text": lambda document, colour=False: f"{colour} \\x1b[1m{document}\\x1b[0m\\n"})
"""


@pytest.mark.parametrize(
    ("arguments", "printed"), [([], "text x\n"), (["--format", "json"], "json x\n")]
)
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


def on_terminal(**environment: str) -> str:
    """Return what PROGRAM prints on a terminal."""
    parent, child = pty.openpty()
    with open(parent, "rb", buffering=0) as terminal:
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            stdout=child,
            check=True,
            cwd=Path(__file__).parents[3],
            env={**os.environ, **environment},
        )
        os.close(child)
        return terminal.read(1000).decode()


def test_colours_are_used_on_a_terminal_unless_they_are_turned_off() -> None:
    assert on_terminal(NO_COLOR="") == "True \x1b[1mx\x1b[0m\r\n"
    assert on_terminal(NO_COLOR="1") == "False x\r\n"


def test_colours_are_not_used_in_a_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        check=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )

    assert done.stdout == "False x\n"
