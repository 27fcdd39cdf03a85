"""The worked example of docs/policy-authoring.md is true: its files, its commands, its output."""

from __future__ import annotations

import datetime
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from policyd.cli import main
from tests.docs.pages import FOLDER

PAGE = (FOLDER / "policy-authoring.md").read_text()
EXAMPLE = PAGE.partition("\n## A worked example")[2].partition("\n## ")[0]
EXPIRY = "2027-01-31"
"""When the exception of the example ends; here it always ends in sixty days."""

_BLOCK = re.compile(r"(?:<!-- (\w+): (\S+) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> Iterator[tuple[str, str, str]]:
    """Yield what to do, the file to do it to, and the text: file, append, edit or console."""
    for verb, file, language, text in _BLOCK.findall(EXAMPLE):
        if verb or language == "console":
            yield verb or language, file, text


def edited(old: str, new: str) -> str:
    """Return `old` with `new` in place of as many lines, from the one that both have."""
    first = old.index(new.splitlines(keepends=True)[0])
    rest = old[first:].splitlines(keepends=True)
    return old[:first] + new + "".join(rest[new.count("\n") :])


def comparable(text: str, expiry: str) -> str:
    """Return `text` without what differs from day to day, and from one revision to the next."""
    text = re.sub(r"\b\d+ days left", "N days left", text.replace(expiry, EXPIRY))
    return re.sub("sha256:[0-9a-f]{64}", "sha256:…", text)


def printed(commands: str) -> str:
    """Return `commands`, lines that begin with $, each with what it prints."""
    parts = []
    for command in re.findall(r"^\$ policyd (.*)$", commands, re.MULTILINE):
        result = CliRunner().invoke(main, shlex.split(command), prog_name="policyd")
        assert not result.exception or isinstance(result.exception, SystemExit)
        parts.append(f"$ policyd {command}\n{result.output}")
    return "".join(parts)


def test_the_worked_example_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    expiry = (datetime.date.today() + datetime.timedelta(60)).isoformat()
    consoles = 0

    for verb, name, text in blocks():
        text = text.replace(EXPIRY, expiry)
        file = tmp_path / name
        if verb == "console":
            assert comparable(printed(text), expiry) == comparable(text, expiry)
            consoles += 1
        elif verb == "file":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        else:
            old = file.read_text()
            file.write_text(old + text if verb == "append" else edited(old, text))

    assert consoles == 4
