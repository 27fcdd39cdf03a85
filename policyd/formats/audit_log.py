"""Records of the audit log: a list of decisions, one decision, and whether the log is intact.

In: records, or the report of a verification. Out: text, or documents of policyd.wire as JSON.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from policyd import wire
from policyd.audit.event import DecisionEvent, event_of
from policyd.formats import json
from policyd.formats.grants import WIDTH
from policyd.formats.report import text
from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import Reviewed
from policyd.formats.table import seconds, table, visible
from policyd.formats.tabular import csv_text, json_lines
from policyd.model import AuditRecord, Decision

HEADER: Final = ("SEQUENCE", "TIME", "VERDICT", "OPERATION", "BY")
CSV_HEADER: Final = (
    "sequence", "time", "decision", "allowed", "verdict", "operation", "username", "repository",
    "commit", "environment", "host", "project", "enforcementPoint", "policies", "exceptions",
    "hash",
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
    """Return some lines for each of `decisions`, or a sentence if there are none."""
    if not decisions.records:
        return f"No decisions in {visible(decisions.log)}.\n"
    events = [event_of(record) for record in decisions.records]
    rows = [_row(record, event) for record, event in zip(decisions.records, events, strict=True)]
    header, *lines = table(HEADER, rows)
    shown = [header]
    for line, event in zip(lines, events, strict=True):
        shown += [line, *_about(event)]
    if len(decisions.records) == decisions.limit:
        shown += ["", f"These are the newest {decisions.limit}; list more with --limit."]
    return "\n".join(shown) + "\n"


def decisions_json(decisions: Decisions, *, colour: bool = False) -> str:
    """Return `decisions` as an AuditRecordList."""
    return json.render(wire.audit_record_list(decisions.records, decisions.limit))


def decisions_csv(decisions: Decisions, *, colour: bool = False) -> str:
    """Return a table with a row for each of `decisions`."""
    return csv_text(CSV_HEADER, map(decision_fields, decisions.records))


def decisions_json_lines(decisions: Decisions, *, colour: bool = False) -> str:
    """Return each of `decisions` as an AuditRecord in one line of JSON."""
    return json_lines(map(wire.audit_record, decisions.records))


def decision_text(record: AuditRecord, *, colour: bool = False) -> str:
    """Return the decision in `record` as `policyd check` shows it, then who asked for it."""
    event = event_of(record)
    review = event.input.review
    facts = [
        ("decision", event.decision_id),
        ("time", event.timestamp),
        ("requested by", " ".join((review.user_info.username, *review.user_info.groups))),
        ("sent by", _sender(event)),
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


def _sender(event: DecisionEvent) -> str:
    """Return whose token the request had, with the subject and the id of a CI job's token."""
    if not event.caller:
        return ""
    caller = event.caller
    claims = (
        caller.subject and f"sub {caller.subject}",
        caller.token_id and f"jti {caller.token_id}",
    )
    return ", ".join(filter(None, (caller.owner, *claims)))


def decision_json(record: AuditRecord, *, colour: bool = False) -> str:
    """Return `record` as an AuditRecord of policyd.wire."""
    return json.render(wire.audit_record(record))


def verification_text(verification: Verification, *, colour: bool = False) -> str:
    """Return one line: the log is intact; or a line for each problem."""
    report = verification.report
    if not report.problems:
        one = report.events == 1
        number = f"{report.events} event{' is' if one else 's are'} intact"
        agrees = "agrees" if one else "agree"
        agree = f" and {agrees} with {', '.join(report.evidence)}" if report.evidence else ""
        said = [f"{number}{agree}; the last hash is {report.head}"]
        if report.removed:
            said.append(f"retention removed the content of {report.removed}; the hashes remain")
    else:
        said = [str(problem) for problem in report.problems]
    return "".join(f"{visible(f'{verification.log}: {line}')}\n" for line in said)


def verification_json(verification: Verification, *, colour: bool = False) -> str:
    """Return the report as an AuditVerification."""
    return json.render(verification.report)


def _row(record: AuditRecord, event: DecisionEvent) -> list[str]:
    review = event.input.review
    return [
        str(record.sequence),
        seconds(event.timestamp),
        _verdict(event.result),
        review.operation,
        review.user_info.username,
    ]


def _about(event: DecisionEvent) -> Iterator[str]:
    """Yield what a decision is about and which policies reported, and its id."""
    source = event.input.review.source
    subject = [source.repository, event.input.project.name, source.environment, source.host]
    yield f"  {visible(' '.join(filter(None, subject))) or 'nothing is known of the project'}"
    policies = ", ".join(sorted({one.policy for one in event.result.violations}))
    if policies:
        yield from textwrap.wrap(
            f"  violations of {visible(policies)}", WIDTH, subsequent_indent="    "
        )
    yield f"  decision {visible(event.decision_id)}"


def decision_fields(record: AuditRecord) -> dict[str, Any]:
    """Return the cells of a decision by the names of CSV_HEADER."""
    event = event_of(record)
    review, result = event.input.review, event.result
    return {
        "sequence": record.sequence,
        "time": record.time,
        "decision": event.decision_id,
        "allowed": result.allowed,
        "verdict": _verdict(result),
        "operation": review.operation,
        "username": review.user_info.username,
        "repository": review.source.repository,
        "commit": review.source.commit,
        "environment": review.source.environment,
        "host": review.source.host,
        "project": event.input.project.name,
        "enforcementPoint": review.enforcement_point,
        "policies": sorted({one.policy for one in result.violations}),
        "exceptions": sorted({one.exception for one in result.exempted}),
        "hash": record.hash,
    }


def _verdict(decision: Decision) -> str:
    """Return the verdict, and whether exceptions were applied."""
    verdict = "allowed" if decision.allowed else "denied"
    if any(one.break_glass for one in decision.exempted):
        return f"{verdict}, BREAK GLASS"
    return f"{verdict}, exempted" if decision.exempted else verdict
