"""What a decision that was evaluated again says: both verdicts, changes, masked values."""

from __future__ import annotations

import json

import msgspec

from policyd.formats.reevaluation import as_json, text
from policyd.model import Status
from policyd.reevaluation import Change, Reevaluation, Verdict

OLD = Verdict(True, Status(200, "OK", "no policy denies"), "acme", "sha256:0123456789abcdef")
NEW = Verdict(False, Status(403, "Forbidden", "1 policy denies: p"), "acme", "sha256:fedcba9876543")
CHANGE = Change("p", "c", "deny", "web", ("services", "web", "pid"), "no")
FOUND = Reevaluation(
    decision_id="d-1", time="2026-11-30T00:00:00Z", project="shop", recorded=OLD, now=OLD,
    new=(), gone=(),
)  # fmt: skip


def test_a_decision_that_stays_says_so() -> None:
    assert text(FOUND) == (
        "decision d-1 about shop at 2026-11-30T00:00:00Z\n"
        "  recorded: allowed by acme sha256:0123456789ab: no policy denies\n"
        "  now:      allowed by acme sha256:0123456789ab: no policy denies\n"
        "nothing would change\n"
    )
    assert FOUND.changes is False


def test_new_and_gone_violations_and_masked_values_are_listed() -> None:
    found = msgspec.structs.replace(
        FOUND, now=NEW, new=(CHANGE,), gone=(msgspec.structs.replace(CHANGE, path=()),), masked=7,
        masked_paths=tuple("abcdefg"),
    )  # fmt: skip

    assert text(found).splitlines()[2:] == [
        "  now:      denied by acme sha256:fedcba987654: 1 policy denies: p",
        "  + p (deny, constraint c) at services.web.pid: no",
        "  - p (deny, constraint c) at web: no",
        "7 values are masked; a policy that reads one may decide otherwise:",
        "  a, b, c, d, e and 2 more",
    ]
    assert found.changes is True


def test_json_is_a_document() -> None:
    document = json.loads(as_json(FOUND))

    assert (document["apiVersion"], document["kind"]) == ("policyd/v1", "Reevaluation")
    assert document["now"]["allowed"] is True
