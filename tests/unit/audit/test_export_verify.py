from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from policyd.audit.chain import GENESIS
from policyd.audit.evidence import Statement
from policyd.audit.export import pages
from policyd.audit.export_verify import verify_export
from policyd.audit.store import Store
from policyd.formats.exported import ExportedPart, as_json_lines
from policyd.transparency.checkpoint import checkpoint_of
from tests.support.ledger import signed

Line = dict[str, Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


@pytest.fixture
def exported(
    store: Store, record: Callable[..., Any], file: Path
) -> Callable[[Callable[[list[Line]], object]], list[str]]:
    """A function that changes the lines of an export, and returns the problems."""
    for number in range(4):
        record(f"d{number}", project=f"p{number}\u202e")
    text = "".join(as_json_lines(ExportedPart(page)) for page in pages(store.database, through=4))

    def verify(change: Callable[[list[Line]], object], *statements: Statement) -> list[str]:
        lines = [json.loads(line) for line in text.splitlines()]
        change(lines)
        file.write_text("".join(f"{json.dumps(one, separators=(',', ':'))}\n" for one in lines))
        return [str(problem) for problem in verify_export(str(file), statements)[1].problems]

    file.write_text(text)
    return verify


def test_a_whole_export_is_intact_and_agrees_with_what_was_kept(
    store: Store, exported: Any, file: Path
) -> None:
    checkpoint = checkpoint_of(signed(store).partition("\n\n")[0] + "\n")
    last = store.decisions(1)[0]

    first, report = verify_export(
        str(file),
        [Statement("kept", 4, root=checkpoint.root), Statement("noted", 4, hash=last.hash)],
    )

    assert (first, report.events, report.head) == (1, 4, last.hash)
    assert (report.problems, report.removed) == ((), 0)
    assert report.evidence == ("kept (4 events)", "noted (4 events)")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("change", "problems"),
    [
        (lambda lines: lines[1]["event"].update(path="x"), ["event 2: its hash does not match"]),
        (lambda lines: lines.pop(1), ["event 3: follows event 1: events between them are missing"]),
        (lambda lines: lines[2].update(prevHash="00" * 32), ["event 3: its prev_hash is not the"]),
        (lambda lines: lines[3].update(event=None), ["event 4: its payload is missing, and no"]),
        (lambda lines: lines[3].update(id="x"), ["event 4: its id, time or type is not that of"]),
        (lambda lines: lines[0].update(time="x"), ["event 1: its id, time or type is not that"]),
        (lambda lines: lines[0].update(type="stop"), ["event 1: its id, time or type is not that"]),
        (lambda lines: lines[2].pop("id"), ["event 3: is malformed in line 3: it is not an event"]),
        (lambda lines: lines[0].update(sequence=0), ["event 0: follows event 0", "event 2: foll"]),
    ],
    ids=["payload", "gap", "link", "removed", "id", "time", "type", "malformed", "number"],
)
def test_a_changed_export_is_found(exported: Any, change: Any, problems: list[str]) -> None:
    found = exported(change)

    assert [one[: len(start)] for one, start in zip(found, problems, strict=False)] == problems


def test_a_part_of_a_log_is_verified_with_hashes_but_not_with_checkpoints(
    store: Store, exported: Any, file: Path
) -> None:
    hashes = [record.hash for record in store.decisions()][::-1]
    assert exported(lambda lines: lines.__delitem__(slice(0, 2))) == []

    first, report = verify_export(
        str(file), [Statement("a", 3, hash=hashes[2]), Statement("b", 2, hash=hashes[1])]
    )
    other = verify_export(
        str(file),
        [
            Statement("c", 1, hash=hashes[0]),
            Statement("d", 4, hash=hashes[0]),
            Statement("e", 4, root=b""),
            Statement("f", 5, hash=hashes[0]),
        ],
    )[1]

    assert (first, report.events, report.problems) == (3, 2, ())
    assert [str(one) for one in other.problems] == [
        "event 1: is missing, so c cannot be compared",
        "event 3: it, or a later one up to event 4, was changed: d has other events",
        "event 1: is missing, so e cannot be compared",
        "event 5: is missing, but f has 5 events",
    ]


def test_an_empty_export_confirms_nothing(file: Path) -> None:
    file.touch()

    assert verify_export(str(file))[1].head == GENESIS
    (problem,) = verify_export(str(file), [Statement("kept", 1, hash="aa")])[1].problems
    assert str(problem) == "event 1: is missing, but kept has 1 events"
