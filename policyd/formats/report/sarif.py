"""SARIF 2.1.0, for GitHub code scanning, GitLab and editors.

In: a report. Out: a SARIF log with one run. Exempted violations are results with a suppression.
Source: OASIS SARIF 2.1.0; GitHub, "SARIF support for code scanning" (limits, required properties,
fingerprints).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from policyd import __version__
from policyd.formats import json
from policyd.formats.report.entries import RULES, Entry, Report, entries, sentence
from policyd.formats.table import visible
from policyd.policies.packs import Policy

INFORMATION: Final = "https://policyd.example/docs/"
SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS: Final = 25_000
MAX_TEXT: Final = 1024
"""Results of a run and characters of a description that GitHub accepts."""

_SECURITY: Final = {"critical": "9.3", "high": "8.0", "medium": "5.5", "low": "2.0"}
"""Values of `security-severity` in the middle of GitHub's ranges."""


def render(report: Report, *, colour: bool = False) -> str:
    """Return the SARIF log of `report`. At most 25,000 results are written, the worst first."""
    found = entries(report, exempted=True)[:MAX_RESULTS]
    rules = sorted({entry.rule for entry in found})
    position = {rule: number for number, rule in enumerate(rules)}
    severities = {entry.rule: entry.severity for entry in reversed(found)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "policyd",
                "informationUri": INFORMATION,
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(rule, severities[rule], report.policies) for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "results": [_result(entry, position[entry.rule]) for entry in found],
    }
    return json.render({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _invocation(report: Report) -> dict[str, Any]:
    notifications = [
        {"level": "error", "message": {"text": visible(sentence(one))}} for one in report.undecided
    ]
    invocation: dict[str, Any] = {"executionSuccessful": not notifications}
    if notifications:
        invocation["toolExecutionNotifications"] = notifications
    return invocation


def _rule(rule: str, severity: str, policies: Mapping[str, Policy]) -> dict[str, Any]:
    policy = policies.get(rule)
    title = policy.title if policy else RULES.get(rule, rule)
    description = " ".join(policy.description.split()) if policy else f"{title}."
    remediation = " ".join(policy.remediation.split()) if policy else ""
    references = policy.references if policy else ()
    help_text = "\n\n".join(part for part in (description, remediation, *references) if part)
    return {
        "id": rule,
        "name": "".join(word.capitalize() for word in rule.split("-")),
        "shortDescription": {"text": title[:MAX_TEXT]},
        "fullDescription": {"text": description[:MAX_TEXT]},
        "help": {"text": help_text},
        "properties": {
            "security-severity": _SECURITY[severity],
            "precision": "very-high",
            "tags": _tags(policy),
        },
    }


def _tags(policy: Policy | None) -> list[str]:
    return ["security", *([policy.pack] if policy else [])]


def _result(entry: Entry, rule_index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": entry.rule,
        "ruleIndex": rule_index,
        "level": entry.level,
        "message": {"text": visible(_message(entry))},
        "locations": [_location(entry)],
        "partialFingerprints": {
            "primaryLocationLineHash": f"{entry.fingerprint[:16]}:1",
            "policyd/v1": entry.fingerprint,
        },
    }
    if entry.exempted:
        one = entry.exempted
        approved = f" (approved by {one.approved_by})" if one.approved_by else ""
        reason = f"{one.exception}: {one.reason}{approved}"
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": visible(reason)}
        ]
    return result


def _message(entry: Entry) -> str:
    return f"{entry.message}. {entry.remediation}" if entry.remediation else entry.message


def _location(entry: Entry) -> dict[str, Any]:
    place = entry.location
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri(place.file)}}
    if place.line:
        region = {"startLine": place.line, "startColumn": max(place.column, 1)}
        end = len(entry.text) + 1
        region["endColumn"] = max(end, region["startColumn"] + 1)
        physical["region"] = region
    else:
        physical["region"] = {"startLine": 1}
    return {"physicalLocation": physical}


def uri(file: str) -> str:
    """Return the path `file` as a relative URI reference (RFC 3986, section 4.2)."""
    return "/".join(quote(part, safe="") for part in _parts(file.split("/")))


def _parts(parts: Iterable[str]) -> list[str]:
    return [part for part in parts if part not in ("", ".")]
