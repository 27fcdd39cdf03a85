from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from policyd.audit.store import open_store
from tests.unit.audit.conftest import pair


@pytest.fixture
def audit(run: Callable[..., Result], folder: Path, empty_log: Path) -> Callable[..., Result]:
    """A function that runs a subcommand of audit on a log with two old denials."""
    (folder / "log.db").write_bytes(empty_log.read_bytes())
    store = open_store(str(folder / "log.db"))
    for number, days in enumerate((-400, -399)):
        decided = pair(f"d{number}", allowed=False, seconds=days * 86_400)
        store.append_decision(*decided)
    store.close()
    return lambda name, *arguments: run("audit", name, "--audit", "log.db", *arguments)


def test_old_content_is_removed_and_recorded(audit: Callable[..., Result]) -> None:
    arguments = ("--before", "2025-10-20", "--reason", "one year")
    counted = audit("prune", *arguments, "--dry-run")
    done = audit("prune", *arguments, "--by", "ana")
    again = audit("prune", *arguments)
    verified = audit("verify")
    exported = audit("export", "-o", "log.jsonl")
    whole = audit("export", "--format", "csv")

    assert counted.stdout == "1 decision would lose the content.\n"
    assert done.stdout == "removed the content of 1 decision; event 3 records it.\n"
    assert again.stdout == "removed the content of 0 decisions.\n"
    assert verified.stdout.endswith(
        "log.db: retention removed the content of 1; the hashes remain\n"
    )
    listed = json.loads(audit("events", "--kind", "retention", "--format", "json").stdout)
    assert listed["items"][0]["event"]["actor"] == "ana"
    assert exported.exit_code == whole.exit_code == 0
    assert len(whole.stdout.splitlines()) == 3
    shown = audit("show", "d0")
    assert (shown.exit_code, shown.stderr) == (
        2,
        "policyd: error: retention removed the content of the decision d0: event 1 of the audit "
        "log has its hash only\n",
    )


def test_an_export_of_a_pruned_log_verifies(
    audit: Callable[..., Result], run: Callable[..., Result], folder: Path
) -> None:
    audit("prune", "--before", "2025-10-20", "--reason", "one year")
    audit("export", "-o", "log.jsonl")

    lines = (folder / "log.jsonl").read_text().splitlines()
    verified = run("audit", "verify", "--export", "log.jsonl")
    (folder / "cut.jsonl").write_text("\n".join(lines[:2]) + "\n")
    cut = run("audit", "verify", "--export", "cut.jsonl")

    assert (json.loads(lines[0])["event"], json.loads(lines[0])["id"]) == (None, "d0")
    assert verified.exit_code == 0
    assert "log.jsonl: retention removed the content of 1; the hashes remain\n" in verified.stdout
    assert (cut.exit_code, cut.stdout) == (
        1, "cut.jsonl: event 1: its payload is missing, and no retention removed it\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--before", "2025-10-20", "--reason", " "], "--reason is empty: say why the content is"),
        (["--before", "soon", "--reason", "x"], "--before: "),
        (["--before", "2099-01-01", "--reason", "x"], "--before must be more than a day ago: "),
    ],
)
def test_what_cannot_be_pruned_is_said(
    audit: Callable[..., Result], arguments: list[str], message: str
) -> None:
    result = audit("prune", *arguments)

    assert result.exit_code == 2
    assert f"rror: {message}" in result.stderr
