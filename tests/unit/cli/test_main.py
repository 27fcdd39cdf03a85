from __future__ import annotations

import os
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
    assert result.stderr.endswith("\nError: No such command 'chekc'. Did you mean 'check'?\n")
    assert run("apply").stderr.endswith("\nError: No such command 'apply'.\n")


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


def program(arguments: str, output: str, folder: Path) -> tuple[int, str]:
    """Return the exit code and standard error of `policyd`, whose output a shell redirects."""
    (folder / "compose.yaml").write_text("services: {web: {image: nginx}}\n")
    done = subprocess.run(
        ["bash", "-c", f'"$0" -m policyd {arguments} {output}', sys.executable],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.returncode, done.stderr


@pytest.mark.thorough
@pytest.mark.parametrize("arguments", ["check", "policies", "config", "bundle build -o -"])
def test_a_full_disk_is_one_line_and_no_denial(folder: Path, arguments: str) -> None:
    assert program(arguments, "> /dev/full", folder) == (
        2,
        "policyd: error: standard output cannot be written: No space left on device\n",
    )


@pytest.mark.thorough
@pytest.mark.parametrize("output", [">&-", "2>&-"])
def test_without_an_output_the_exit_code_is_the_verdict(folder: Path, output: str) -> None:
    assert program("check", output, folder) == (0, "")


@pytest.mark.thorough
def test_output_that_nobody_reads_is_no_denial_and_no_traceback(folder: Path) -> None:
    (folder / "compose.yaml").write_text("services: {web: {image: nginx}}\n")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "policyd", "check"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, check=False, cwd=folder, env=environment
    )
    os.close(writer)

    assert (done.returncode, done.stderr) == (2, b"")


@pytest.mark.thorough
def test_a_bug_keeps_its_traceback_and_is_no_denial() -> None:
    bug = (
        "import sys, policyd.cli.check\n"
        "from policyd.__main__ import run\n"
        "policyd.cli.check.command.callback = lambda **_: 1 / 0\n"
        "sys.argv = ['policyd', 'check']\n"
        "run()\n"
    )

    done = subprocess.run([sys.executable, "-c", bug], capture_output=True, text=True, cwd=ROOT)

    assert done.returncode == 2
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.endswith("\nZeroDivisionError: division by zero\n")
