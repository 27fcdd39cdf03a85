from __future__ import annotations

import json

from policyd.adoption.baseline import Comparison, Entry, Known
from policyd.formats.baseline import BaselineReport, as_json, text
from policyd.model import Location, Undecided, Violation

ENTRY = Entry("a", "p", "c", "a/f", "x/*", "00")
KNOWN = Known(
    ENTRY, Violation("p", "c", "deny", "low", "bad", "Fix it.", "", (), Location("f", 1, 2))
)
REPORT = BaselineReport(
    "b.json", Comparison((KNOWN,), (KNOWN,), (KNOWN,), (ENTRY,)), [Undecided("z", "no")]
)


def test_text_lists_what_fails_and_counts_the_rest() -> None:
    assert text(REPORT) == (
        "a/f:1:2: new: p: bad\n"
        "  fix: Fix it.\n"
        "a/f:1:2: changed: p: bad\n"
        "  fix: Fix it.\n"
        "z: the project does not load: no\n"
        "Violations: 1 new, 1 with another value than in the baseline, 1 known, 1 gone.\n"
        "Entries of b.json that do not hold any more: 1 (p). "
        "`policyd baseline create` removes them.\n"
    )


def test_json_has_the_violations_that_fail() -> None:
    found = json.loads(as_json(REPORT))

    assert (found["kind"], found["known"], len(found["gone"])) == ("BaselineComparison", 1, 1)
    assert found["new"][0]["file"] == "a/f"
    assert found["new"][0]["policy"] == "p"
    assert found["notLoadable"] == [{"source": "z", "reason": "no"}]
