from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from policyd.cli import main

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a test, with nothing of the outside in its environment."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("PWD", str(place))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("GPUS", raising=False)
    return place


@pytest.fixture
def run(folder: Path) -> Run:
    """Run a command line in `folder`; an internal error is raised."""

    def call(*arguments: str, stdin: bytes = b"") -> Result:
        result = CliRunner().invoke(main, arguments, input=stdin, prog_name="policyd")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture(scope="session")
def logs() -> dict[str, bytes]:
    """Audit logs by name. The first test that needs one makes it, and the others copy it."""
    return {}
