from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from policyd import __version__
from policyd.cli import COMMANDS
from policyd.compose_version import COMPOSE_VERSION

ROOT = Path(__file__).parents[3]


def test_without_a_command_the_help_teaches(run) -> None:
    result = run()

    assert result.exit_code == 2
    for command in COMMANDS:
        assert f"  {command} " in result.output
    assert "Exit codes: 0 allowed, 1 denied, 2 nothing was decided." in result.output


@pytest.mark.thorough
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_that_fits_a_terminal(run, command: str) -> None:
    result = run(command, "--help")

    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= 80


def test_the_version_is_told(run) -> None:
    assert run("--version").output == (
        f"policyd {__version__}, which follows Docker Compose {COMPOSE_VERSION}\n"
    )


def test_an_unknown_command_is_exit_2(run) -> None:
    result = run("chekc")

    assert result.exit_code == 2
    assert "No such command 'chekc'" in result.output


@pytest.mark.thorough
def test_python_dash_m_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "policyd", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )

    assert done.stdout == f"policyd {__version__}, which follows Docker Compose {COMPOSE_VERSION}\n"
