"""Records of the audit log: a list of decisions, one decision, and whether the log is intact.

In: records, or the report of a verification. Out: text, or documents of policyd.wire as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from policyd import wire
from policyd.audit.event import event_of
from policyd.formats import json
from policyd.formats.report import text
from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import Reviewed
from policyd.formats.table import seconds, table, visible
from policyd.model import AuditRecord, Decision

HEADER: Final = (
    "SEQUENCE", "TIME", "VERDICT", "OPERATION", "BY", "REPOSITORY", "PROJECT", "POLICIES",
    "DECISION",
)  # fmt: skip


class Decisions(msgspec.Struct, frozen=True):
    """At most `limit` records of decisions in the audit log `log`, newest first."""

    log: str
    records: Sequence[AuditRecord]
    limit: int


class Verification(msgspec.Struct, frozen=True):
    """The report on the audit log `log`."""

    log: str
    report: wire.AuditVerification


def decisions_text(decisions: Decisions, *, colour: bool = False) -> str:
    """Return a table of `decisions`, or a sentence if there are none."""
    if not decisions.records:
        return f"No decisions in {visible(decisions.log)}.\n"
    return "\n".join(table(HEADER, [_row(record) for record in decisions.records])) + "\n"


def decisions_json(decisions: Decisions, *, colour: bool = False) -> str:
    """Return `decisions` as an AuditRecordList."""
    return json.render(wire.audit_record_list(decisions.records, decisions.limit))


def decision_text(record: AuditRecord, *, colour: bool = False) -> str:
    """Return the decision in `record` as `policyd check` shows it, then who asked for it."""
    event = event_of(record)
    review = event.input.review
    facts = [
        ("decision", event.decision_id),
        ("time", event.timestamp),
        ("requested by", " ".join((review.user_info.username, *review.user_info.groups))),
        ("enforced at", review.enforcement_point),
        ("operation", review.operation + (" (dry run)" if review.dry_run else "")),
        *msgspec.structs.asdict(review.source).items(),
        ("digest", event.input.project.digest),
        ("policy set", " ".join(f"{name} {b['revision']}" for name, b in event.bundles.items())),
        ("hash", record.hash),
    ]
    lines = [f"{name + ':':<12} {visible(value)}\n" for name, value in facts if value]
    result = Reviewed(event.input.project.name or "project", event.result)
    return f"{text.render(Report([result]), colour=colour)}\n{''.join(lines)}"


def decision_json(record: AuditRecord, *, colour: bool = False) -> str:
    """Return `record` as an AuditRecord of policyd.wire."""
    return json.render(wire.audit_record(record))


def verification_text(verification: Verification, *, colour: bool = False) -> str:
    """Return one line: the log is intact; or a line for each problem."""
    report = verification.report
    if not report.problems:
        agree = f" and agree with {', '.join(report.evidence)}" if report.evidence else ""
        said = [f"{report.events} events are intact{agree}; the last hash is {report.head}"]
    else:
        said = [str(problem) for problem in report.problems]
    return "".join(f"{visible(f'{verification.log}: {line}')}\n" for line in said)


def verification_json(verification: Verification, *, colour: bool = False) -> str:
    """Return the report as an AuditVerification."""
    return json.render(verification.report)


def _row(record: AuditRecord) -> list[str]:
    event = event_of(record)
    review = event.input.review
    return [
        str(record.sequence),
        seconds(event.timestamp),
        _verdict(event.result),
        review.operation,
        review.user_info.username,
        review.source.repository,
        event.input.project.name,
        ",".join(sorted({violation.policy for violation in event.result.violations})),
        event.decision_id,
    ]


def _verdict(decision: Decision) -> str:
    """Return the verdict, and whether exceptions were applied."""
    verdict = "allowed" if decision.allowed else "denied"
    if any(one.break_glass for one in decision.exempted):
        return f"{verdict}, BREAK GLASS"
    return f"{verdict}, exempted" if decision.exempted else verdict
