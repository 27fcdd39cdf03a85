"""Every kind of document that a command prints, with its formats in the order that help lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from policyd import wire
from policyd.audit.token_record import TokenRecord
from policyd.compose.project import Project
from policyd.errors import PolicySetError
from policyd.formats import (
    audit_log,
    baseline,
    effective_model,
    events,
    exception_request,
    exceptions,
    explanation,
    exported,
    fixes,
    grants,
    host_safety,
    hosts,
    job_repositories,
    json,
    lint,
    policies,
    policy_set_in_force,
    proofs,
    pushes,
    receipts,
    reevaluation,
    rego_tests,
    rego_trace,
    tokens,
    usage,
)
from policyd.formats.contract import Formats
from policyd.formats.report.available import REPORT as REPORT
from policyd.host_findings import Check, Difference
from policyd.model import AuditRecord
from policyd.policies.policy_set import PolicySet
from policyd.reevaluation import Reevaluation

EFFECTIVE_MODEL: Final[Formats[Project]] = {"json": effective_model.compose_json}
POLICY_INPUT: Final[Formats[bytes]] = {"review": effective_model.review_json}
POLICY_SET: Final[Formats[PolicySet]] = {
    "text": policies.set_text,
    "json": policies.set_json,
    "markdown": policies.set_markdown,
}
POLICY: Final[Formats[policies.PolicyInSet]] = {
    "text": policies.policy_text,
    "json": policies.policy_json,
    "markdown": policies.policy_markdown,
}
LINT_PROBLEMS: Final[Formats[Sequence[PolicySetError]]] = {"text": lint.text}
FIX_REPORT: Final[Formats[fixes.FixReport]] = {"text": fixes.text}
BASELINE: Final[Formats[baseline.BaselineReport]] = {
    **{name: baseline.of_report(render) for name, render in REPORT.items()},
    "json": baseline.as_json,
    "text": baseline.text,
}
EXCEPTIONS: Final[Formats[exceptions.Exceptions]] = {
    "text": exceptions.text,
    "json": exceptions.as_json,
}
EXCEPTION_REQUEST: Final[Formats[exception_request.ExceptionRequest]] = {
    "text": exception_request.request_text
}
EXPLAINABLE: Final[Formats[explanation.Explainable]] = {"text": explanation.list_text}
EXPLANATION: Final[Formats[explanation.Explanation]] = {"text": explanation.explanation_text}
SCHEMA: Final[Formats[Mapping[str, Any]]] = {"json": json.render}
REGO_TESTS: Final[Formats[rego_tests.RegoTestRun]] = {
    "text": rego_tests.text,
    "json": rego_tests.as_json,
}
POLICY_TRACE: Final[Formats[rego_trace.PolicyTrace]] = {"text": rego_trace.text}
REEVALUATION: Final[Formats[Reevaluation]] = {
    "text": reevaluation.text,
    "json": reevaluation.as_json,
}
DECISIONS: Final[Formats[audit_log.Decisions]] = {
    "text": audit_log.decisions_text,
    "json": audit_log.decisions_json,
    "csv": audit_log.decisions_csv,
    "jsonl": audit_log.decisions_json_lines,
}
EVENTS: Final[Formats[events.Events]] = {
    "text": events.text,
    "json": events.as_json,
    "csv": events.as_csv,
    "jsonl": events.as_json_lines,
}
EXPORT: Final[Formats[exported.ExportedPart]] = {
    "jsonl": exported.as_json_lines,
    "csv": exported.as_csv,
}
DECISION: Final[Formats[AuditRecord]] = {
    "text": audit_log.decision_text,
    "json": audit_log.decision_json,
}
VERIFICATION: Final[Formats[audit_log.Verification]] = {
    "text": audit_log.verification_text,
    "json": audit_log.verification_json,
}
PROOFS: Final[Formats[wire.ProofList]] = {"text": proofs.text, "json": proofs.as_json}
RECEIPT: Final[Formats[wire.Receipt]] = {
    "text": receipts.text,
    "json": receipts.as_json,
}
TOKENS: Final[Formats[Sequence[TokenRecord]]] = {"text": tokens.text, "json": tokens.as_json}
PUSHES: Final[Formats[pushes.ListedPushes]] = {"text": pushes.text, "json": pushes.as_json}
POLICY_SET_IN_FORCE: Final[Formats[policy_set_in_force.PolicySetInForce]] = {
    "text": policy_set_in_force.text,
    "json": policy_set_in_force.as_json,
}
REPOSITORIES: Final[Formats[job_repositories.KnownRepositories]] = {
    "text": job_repositories.text,
    "json": job_repositories.as_json,
}
GRANTS: Final[Formats[grants.Grants]] = {
    "text": grants.text,
    "json": grants.as_json,
    "csv": grants.as_csv,
    "jsonl": grants.as_json_lines,
}
USAGE: Final[Formats[wire.UsageList]] = {
    "text": usage.usage_text,
    "json": json.render,
    "csv": usage.usage_csv,
    "jsonl": usage.usage_json_lines,
}
DEVICES: Final[Formats[wire.DeviceList]] = {
    "text": usage.devices_text,
    "json": json.render,
    "csv": usage.devices_csv,
    "jsonl": usage.devices_json_lines,
}
HOSTS: Final[Formats[Mapping[str, Any]]] = {"text": hosts.text}
HOST_CHECKS: Final[Formats[Sequence[Check]]] = {
    "text": host_safety.checks_text,
    "json": host_safety.checks_json,
}
HOST_DIFFERENCE: Final[Formats[Difference]] = {
    "text": host_safety.difference_text,
    "json": host_safety.difference_json,
    "prometheus": host_safety.difference_metrics,
}
