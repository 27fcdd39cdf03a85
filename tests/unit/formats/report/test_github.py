from __future__ import annotations

import re
from typing import NamedTuple

from policyd.formats.report.entries import Entry, Report, entries
from policyd.formats.report.github import render
from policyd.formats.table import visible
from tests.support.cases import cases
from tests.support.reports import EVIL, HOSTILE, MIXED, NOTHING, VIOLATION, result


def test_each_entry_is_a_workflow_command() -> None:
    assert render(Report([result(VIOLATION)])) == (
        "::error file=compose.yaml,line=4,col=5,title=no-all-gpus (high)"
        "::service train asks for every GPU%0AName the GPUs.\n"
    )
    assert [line.split(" ")[0] for line in render(MIXED).splitlines()] == [
        "::error",
        "::error",
        "::error",
        "::warning",
        "::notice",
    ]


def test_what_was_not_decided_is_an_error() -> None:
    assert render(NOTHING) == (
        "::error title=policyd%3A nothing was decided::gone: No such file or directory\n"
    )


def test_entries_that_github_hides_are_counted() -> None:
    lines = render(Report([result(*[VIOLATION] * 13)])).splitlines()

    assert len(lines) == 14
    assert lines[-1] == (
        "::notice title=policyd::GitHub does not show 3 more entries; "
        "the log of the step lists all of them."
    )


class Command(NamedTuple):
    """A workflow command as the runner understands it."""

    name: str
    properties: dict[str, str]
    message: str


def command(line: str) -> Command:
    """Return the command in `line`, read as GitHub documents it: "Workflow commands"."""
    found = re.fullmatch(r"::(error|warning|notice)(?: ([^:]*?))?::(.*)", line)
    assert found, line
    name, properties, message = found.groups()
    pairs = [pair.partition("=") for pair in (properties or "").split(",") if pair]
    assert all(key in {"file", "line", "col", "title"} for key, _, _ in pairs)
    known = {key: unescaped(value, ":,") for key, _, value in pairs}
    return Command(name, known, unescaped(message))


def unescaped(text: str, more: str = "") -> str:
    """Return `text` without escapes: those of messages and of the characters `more`."""
    for character in (*"\r\n", *more, "%"):
        text = text.replace(f"%{ord(character):02X}", character)
    return text


@cases("report", [MIXED, NOTHING, HOSTILE, Report([])])
def test_each_line_is_one_command(report: Report) -> None:
    commands = [command(line) for line in render(report).splitlines()]

    assert len(commands) == len(entries(report)) + len(report.undecided)
    placed = [one for one in commands if "file" in one.properties]
    assert [(one.properties["file"], one.message) for one in placed] == [
        (visible(entry.location.file), shown(entry)) for entry in entries(report)
    ]


def shown(entry: Entry) -> str:
    """Return the lines of message and remediation, with unsafe characters made visible."""
    parts = filter(None, (entry.message, entry.remediation))
    return "\n".join(map(visible, "\n".join(parts).split("\n")))


def test_hostile_text_is_no_command() -> None:
    commands = [command(line) for line in render(HOSTILE).splitlines()]

    assert [one.name for one in commands] == ["error", "error"]
    assert commands[1].properties == {
        "file": visible(EVIL),
        "line": "1",
        "col": "1",
        "title": "no-all-gpus (high)",
    }
