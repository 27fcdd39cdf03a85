"""Run the worked examples of pages: write their files, run their commands, compare the output.

A block of a page is a file after `<!-- file: NAME -->`, an addition to one after
`<!-- append: NAME -->`, an edit of one after `<!-- edit: NAME -->`, code of another tool after
`<!-- theirs: NAME -->`, or commands and their output in ```console.
"""

from __future__ import annotations

import datetime
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from click.testing import CliRunner

from policyd.cli import main

EXPIRY = "2027-01-31"
"""When the exceptions of examples end; here they always end in sixty days."""

_BLOCK = re.compile(r"(?:<!-- (\w+): (\S+) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """Yield what to do (file, append, edit, theirs, console), to which file, and the text."""
    for verb, file, language, text in _BLOCK.findall(page):
        if verb or language == "console":
            yield verb or language, file, text


def run(page: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Write the files of `page` into `folder`, and yield what each console printed and shows.

    `folder` must be the current one.
    """
    expiry = (datetime.date.today() + datetime.timedelta(60)).isoformat()
    for verb, name, text in blocks(page):
        text = text.replace(EXPIRY, expiry)
        file = folder / name
        if verb == "console":
            yield comparable(printed(text), expiry), comparable(text, expiry)
        elif verb == "file":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        elif verb != "theirs":
            old = file.read_text()
            file.write_text(old + text if verb == "append" else edited(old, text))


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
