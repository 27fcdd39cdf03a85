from __future__ import annotations

import msgspec

from policyd.formats.report.entries import Entry, Report, entries
from policyd.model import Location, Violation
from tests.support.reports import MIXED, VIOLATION, result


def test_an_entry_holds_all_that_reports_show() -> None:
    [entry] = entries(Report([result(VIOLATION)]))

    assert entry == Entry(
        rule="no-all-gpus",
        title="no-all-gpus",
        level="error",
        severity="high",
        message="service train asks for every GPU",
        remediation="Name the GPUs.",
        source="app",
        location=Location("compose.yaml", 4, 5),
        fingerprint=entry.fingerprint,
        service="train",
        text="    gpus: all",
        constraint="no-all-gpus",
    )
    assert len(entry.fingerprint) == 64


def test_entries_come_in_the_order_of_their_severity() -> None:
    assert [(entry.level, entry.rule, entry.source) for entry in entries(MIXED)] == [
        ("error", "compose-invalid", "broken"),
        ("error", "no-all-gpus", "app"),
        ("warning", "own-images", "app"),
        ("note", "no-all-gpus", "app"),
    ]
    assert "no-privileged" in {entry.rule for entry in entries(MIXED, exempted=True)}


def test_fingerprints_are_unique_and_survive_moved_lines_and_other_words() -> None:
    moved = msgspec.structs.replace(
        VIOLATION, message="other words", location=Location("compose.yaml", 40, 9)
    )
    elsewhere = msgspec.structs.replace(VIOLATION, path=("services", "other", "gpus", 0))

    def fingerprint(*violations: Violation) -> list[str]:
        return [entry.fingerprint for entry in entries(Report([result(*violations)]))]

    assert fingerprint(VIOLATION) == fingerprint(moved)
    assert fingerprint(VIOLATION) != fingerprint(elsewhere)
    assert len(set(fingerprint(VIOLATION, VIOLATION, VIOLATION))) == 3
