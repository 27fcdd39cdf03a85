"""What every report format promises: complete, safe, valid, and stable under harmless edits."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree

import msgspec
import pytest

from policyd.formats.available import FORMATS
from policyd.formats.report import Report, entries
from policyd.formats.reviewed import Reviewed, reviewed
from policyd.model import Decision, Exempted, Location, Status, Violation
from policyd.wire import Undecided

COMPOSE = b"services:\n  train:\n    image: pytorch\n    gpus: all\n"
VIOLATION = Violation(
    policy="no-all-gpus",
    constraint="no-all-gpus",
    enforcement_action="deny",
    severity="high",
    message="service train asks for every GPU",
    remediation="Name the GPUs.",
    service="train",
    path=("services", "train", "gpus", 0),
    location=Location("compose.yaml", 4, 5),
)
EXEMPTED = Exempted(
    **msgspec.structs.asdict(msgspec.structs.replace(VIOLATION, policy="no-privileged")),
    exception="full-node",
    owner="ml-infra",
    reason="until the scheduler lands",
    approved_by="security@acme.example",
)
EVIL = "a\n::error::x\r\x1b[2J<b>\"&'|`@root #1 ]]>%0A\x00\u202e::set-output"


def result(*violations: Violation, source: str = "app", **more) -> Reviewed:
    allowed = not any(one.enforcement_action == "deny" for one in violations)
    status = Status(200 if allowed else 403, "OK" if allowed else "Forbidden", "")
    decision = Decision("1", allowed, status, violations=violations, **more)
    return reviewed(source, decision, "", {"compose.yaml": COMPOSE}.get)


MIXED = Report(
    [
        result(
            msgspec.structs.replace(VIOLATION, enforcement_action="warn", policy="own-images"),
            VIOLATION,
            msgspec.structs.replace(VIOLATION, enforcement_action="dryrun", severity="low"),
            exempted=(EXEMPTED,),
        ),
        Reviewed(
            "broken",
            Decision("1", False, Status(422, "Invalid", "bad key", Location("compose.yaml", 2, 3))),
        ),
        result(source="fine"),
    ],
    [Undecided("gone", "No such file or directory")],
)
NOTHING = Report([], [Undecided("gone", "No such file or directory")])


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("report", [MIXED, NOTHING, Report([])], ids=["mixed", "nothing", "empty"])
def test_each_format_ends_in_one_newline(name: str, report: Report) -> None:
    shown = FORMATS[name].render(report)

    if shown:
        assert shown.endswith("\n")
        assert not shown.endswith("\n\n")


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"text"}))
def test_a_run_that_decided_nothing_says_so(name: str) -> None:
    shown = FORMATS[name].render(NOTHING)

    assert "gone" in shown
    assert "No such file or directory" in shown.replace("\\", "")


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_nothing_from_a_project_can_act(name: str) -> None:
    evil = msgspec.structs.replace(
        VIOLATION, message=EVIL, remediation=EVIL, service=EVIL, location=Location(EVIL, 1, 1)
    )
    one = Reviewed(EVIL, Decision("1", False, Status(403, "Forbidden", EVIL), violations=(evil,)))

    shown = FORMATS[name].render(Report([one], [Undecided(EVIL, EVIL)]))

    assert not set(shown) & set("\x1b\r\x00\u202e")
    if name == "github":
        assert all(re.match("::(error|notice) ", line) for line in shown.splitlines())
    if name in ("junit", "checkstyle"):
        ElementTree.fromstring(shown)
    if name in ("json", "sarif", "gitlab", "rdjson"):
        json.loads(shown)
    if name == "markdown":
        assert not re.search(r"(?<!\\)[<`]|@root|(?<!\\)#1", shown)


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
