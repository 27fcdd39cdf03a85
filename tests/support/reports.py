"""Reports of `policyd check` with every kind of entry, and text that must not reach a terminal."""

from __future__ import annotations

import msgspec

from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import Reviewed, reviewed
from policyd.model import Decision, Exempted, Location, Status, Undecided, Violation

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
EVIL_VIOLATION = msgspec.structs.replace(
    VIOLATION, message=EVIL, remediation=EVIL, service=EVIL, location=Location(EVIL, 1, 1)
)
HOSTILE = Report([result(EVIL_VIOLATION, source=EVIL)], [Undecided(EVIL, EVIL)])
"""A report with hostile text wherever a project can put it."""
