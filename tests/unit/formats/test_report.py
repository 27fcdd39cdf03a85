from __future__ import annotations

from policyd.formats.report import Entry, Report, entries
from policyd.model import Location
from tests.unit.formats.test_available import VIOLATION, result


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
