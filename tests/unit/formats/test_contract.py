"""What every format of every document promises: whole lines, and nothing that acts."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from policyd.adoption.baseline import Comparison, Entry, Known
from policyd.audit.chain import Problem
from policyd.audit.event import GrantRecord, Target, decision_event, payload_of
from policyd.audit.exported_event import ExportedEvent
from policyd.audit.host_devices import HostDevice
from policyd.audit.log_event import LogEvent, payload_of_event
from policyd.audit.token_record import Permissions, TokenRecord
from policyd.audit.usage import Usage
from policyd.bundle import memory_bundle
from policyd.compose import load
from policyd.errors import PolicySetError
from policyd.exception_list import ExceptionList, ListedException, Uses
from policyd.formats import available
from policyd.formats.audit_log import Decisions, Verification
from policyd.formats.baseline import BaselineReport
from policyd.formats.events import Events
from policyd.formats.exception_request import ExceptionRequest
from policyd.formats.exceptions import Exceptions
from policyd.formats.explanation import Explainable, Explanation
from policyd.formats.exported import ExportedPart
from policyd.formats.fixes import FixReport
from policyd.formats.grants import Grants
from policyd.formats.job_repositories import KnownRepositories
from policyd.formats.policies import PolicyInSet
from policyd.formats.policy_set_in_force import PolicySetInForce
from policyd.formats.pushes import ListedPushes
from policyd.formats.rego_tests import RegoTestRun
from policyd.formats.rego_trace import PolicyTrace
from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import Reviewed
from policyd.hooks.events import PushRecord
from policyd.host_findings import Check, Difference, Uncovered, Unused
from policyd.identity.job import KnownRepository
from policyd.model import (
    AuditRecord,
    Decision,
    Grant,
    Location,
    PolicySetRevision,
    Review,
    Source,
    Status,
    Undecided,
    UserInfo,
    Violation,
)
from policyd.policies.examples import Examples
from policyd.policies.parameters import Schema
from policyd.policies.policy_set import PolicySet, load_policy_set
from policyd.policies.recorded_policy_set import RecordedPolicySet
from policyd.receipts.statement import Admission, AdmittedWorkload
from policyd.reevaluation import Change, Reevaluation, Verdict
from policyd.rego_tests import CoverageReport, FileCoverage, TestReport, TestResult
from policyd.rego_trace import Step, Trace
from policyd.wire import (
    AuditVerification,
    DeviceList,
    ProofList,
    ProvenDecision,
    Receipt,
    UsageList,
)
from tests.support.cases import cases
from tests.support.receipts import admission
from tests.support.reports import EVIL, MIXED, NOTHING, VIOLATION

TestReport.__test__ = TestResult.__test__ = False
PLACE = Location(EVIL, 1, 1)
FORMATS = {name: table for name, table in vars(available).items() if name.isupper()}
CASES = [(name, form) for name, table in FORMATS.items() for form in table]


def hostile_violation() -> Violation:
    return msgspec.structs.replace(
        VIOLATION, message=EVIL, remediation=EVIL, service=EVIL, location=PLACE
    )


def hostile_record() -> AuditRecord:
    decision = Decision(
        "1", False, Status(403, "Forbidden", EVIL), (hostile_violation(),), decision_id="d"
    )
    source = Source(**dict.fromkeys(Source.__struct_fields__, EVIL.replace("\0", "")))
    review = Review("u", "ci", 0, "CREATE", False, UserInfo(EVIL.replace("\0", "")), source)
    return AuditRecord(1, "", "decision", payload_of(decision_event(review, decision)), "0", EVIL)


def hostile_admission() -> Admission:
    source = Source(**dict.fromkeys(Source.__struct_fields__, EVIL))
    texts = dict.fromkeys(("decision_id", "log", "time", "expires", "project"), EVIL)
    workload = AdmittedWorkload(EVIL, EVIL, "service", 1, EVIL)
    grant = Grant(EVIL, EVIL, EVIL, (EVIL,), 1, (), expires=EVIL)
    return admission(
        **texts, source=source, workloads=(workload,), grants=(grant,), exceptions=(EVIL,)
    )


def hostile_known() -> Known:
    return Known(Entry(EVIL, EVIL, EVIL, EVIL, EVIL, EVIL), hostile_violation())


def hostile_event() -> AuditRecord:
    text = EVIL.replace("\0", "")
    target = Target(text, text, text, text)
    event = LogEvent("e", "grant-revoked", EVIL, text, text, target, {"grants": [text], EVIL: 1})
    return AuditRecord(2, EVIL, "grant-revoked", payload_of_event(event), "0", EVIL)


def hostile_shown() -> PolicyInSet:
    return PolicyInSet(hostile_policy_set().policies["no-all-gpus"], hostile_policy_set())


def hostile_policy_set() -> PolicySet:
    policy_set = load_policy_set()
    policy = msgspec.structs.replace(
        policy_set.policies["no-all-gpus"],
        title=EVIL,
        description=EVIL,
        remediation=EVIL,
        references=(EVIL,),
        pack=EVIL,
        module=EVIL,
        environment=(EVIL,),
        parameters={EVIL: Schema("string", EVIL, EVIL)},
    )
    return msgspec.structs.replace(
        policy_set,
        name=EVIL,
        policies={policy.id: policy},
        constraints=tuple(
            msgspec.structs.replace(one, name=EVIL, location=PLACE)
            for one in policy_set.constraints
        ),
    )


def hostile_exceptions() -> Exceptions:
    one = ListedException(
        EVIL, PLACE, "active", 1, True, False, (EVIL,), {"hosts": [EVIL]}, "", "2027", EVIL, EVIL,
        EVIL, Uses("2026", 0, ""),
    )  # fmt: skip
    listed = ExceptionList(policy_set=PolicySetRevision(EVIL, "sha256:0"), audit=EVIL, items=[one])
    return Exceptions(listed, 14)


def hostile_grant() -> GrantRecord:
    texts = dict.fromkeys(GrantRecord.__struct_fields__, EVIL)
    more = {"sequence": 1, "position": 0, "replicas": 1, "state": "active", "kind": "job"}
    listed = {"schedule": (EVIL,), "exceptions": (EVIL,), "certainty": "unknown"}
    return GrantRecord(**{**texts, **more, **listed})


def hostile_token() -> TokenRecord:
    permissions = Permissions(owner=EVIL, scopes=(EVIL,), repositories=(EVIL,), hosts=(EVIL,))
    return TokenRecord(EVIL, EVIL, permissions, EVIL, EVIL, EVIL, "")


def hostile_push() -> PushRecord:
    texts = dict.fromkeys(PushRecord.__struct_fields__, EVIL)
    return PushRecord(**{**texts, "number": 1, "attempts": 2, "state": "waiting"})


def hostile_trace() -> PolicyTrace:
    step = Step(EVIL, 1, "false", 2, 1, ({EVIL: [EVIL], "x": []},))
    return PolicyTrace([Trace(EVIL, PLACE, (step,))])


def hostile_reevaluation() -> Reevaluation:
    change = Change(EVIL, EVIL, EVIL, EVIL, (EVIL, 1), EVIL)
    verdict = Verdict(False, Status(403, "Forbidden", EVIL), EVIL, EVIL)
    return Reevaluation(
        decision_id=EVIL, time=EVIL, project=EVIL, recorded=verdict, now=verdict,
        new=(change,), gone=(change,), masked=1, masked_paths=(EVIL,),
    )  # fmt: skip


def hostile_data() -> dict[str, Any]:
    gpu = {"index": 0, "uuid": EVIL, "name": EVIL}
    other = {"vendor": EVIL, "index": 1, "node": EVIL}
    host = {
        "driver_version": EVIL,
        "cuda_version": EVIL,
        "gpus": [gpu],
        "accelerators": [other],
        "drivers": {EVIL: EVIL},
    }
    return {"policyd": {"inventory": {"hosts": {EVIL: host}}}}


def hostile_report() -> Report:
    status = Status(403, "Forbidden", EVIL)
    decision = Decision("1", False, status, violations=(hostile_violation(),))
    return Report([Reviewed(EVIL, decision)], [Undecided(EVIL, EVIL)])


HOSTILE: dict[str, Callable[[], Any]] = {
    "REPORT": hostile_report,
    "EFFECTIVE_MODEL": lambda: load(
        memory_bundle(
            {
                "compose.yaml": json.dumps(
                    {"services": {"web": {"image": "a", "command": [EVIL.replace("\0", "")]}}}
                ).encode()
            }
        )
    ),
    "POLICY_INPUT": lambda: json.dumps({EVIL: EVIL}).encode(),
    "POLICY_SET": hostile_policy_set,
    "POLICY": lambda: hostile_shown(),
    "LINT_PROBLEMS": lambda: [PolicySetError(EVIL, PLACE)],
    "FIX_REPORT": lambda: FixReport(EVIL, [hostile_violation()], [(hostile_violation(), EVIL)]),
    "BASELINE": lambda: BaselineReport(
        EVIL,
        Comparison((hostile_known(),), (hostile_known(),), (), (hostile_known().entry,)),
        [Undecided(EVIL, EVIL)],
        hostile_report(),
    ),
    "EXCEPTIONS": hostile_exceptions,
    "EXCEPTION_REQUEST": lambda: ExceptionRequest(
        EVIL, EVIL, [hostile_violation()], Source(EVIL, EVIL, EVIL, EVIL, EVIL), EVIL, EVIL, 0, 1
    ),
    "EXPLAINABLE": lambda: Explainable({EVIL: hostile_shown()}),
    "EXPLANATION": lambda: Explanation(hostile_shown(), Examples(EVIL, EVIL), EVIL),
    "SCHEMA": lambda: {EVIL: EVIL},
    "REGO_TESTS": lambda: RegoTestRun(
        TestReport(
            tests=[TestResult(EVIL, PLACE, EVIL)],
            coverage=CoverageReport(50.0, [FileCoverage(EVIL, 1, (2,), 50.0)]),
        )
    ),
    "POLICY_TRACE": hostile_trace,
    "REEVALUATION": hostile_reevaluation,
    "DECISIONS": lambda: Decisions(EVIL, [hostile_record()], 1),
    "EVENTS": lambda: Events(EVIL, [hostile_event(), hostile_record()], 2),
    "EXPORT": lambda: ExportedPart(
        [ExportedEvent(hostile_event(), EVIL), ExportedEvent(hostile_record(), EVIL)]
    ),
    "DECISION": hostile_record,
    "VERIFICATION": lambda: Verification(
        EVIL, AuditVerification(events=1, head=EVIL, problems=[Problem(1, EVIL)])
    ),
    "PROOFS": lambda: ProofList(
        items=[ProvenDecision(EVIL, EVIL, 1, 1, EVIL, EVIL, EVIL)],
        problems=[Undecided(EVIL, EVIL)],
    ),
    "RECEIPT": lambda: Receipt(
        source=EVIL, verified=False, reason=EVIL, admission=hostile_admission()
    ),
    "TOKENS": lambda: [hostile_token()],
    "PUSHES": lambda: ListedPushes(EVIL, [hostile_push()], 1),
    "POLICY_SET_IN_FORCE": lambda: PolicySetInForce(
        RecordedPolicySet(
            EVIL, EVIL, {EVIL: EVIL}, {EVIL: EVIL}, [{"policy": EVIL, "name": EVIL}], [], {}
        ),
        1,
        EVIL,
        EVIL,
    ),
    "REPOSITORIES": lambda: KnownRepositories(EVIL, [KnownRepository(EVIL, EVIL, EVIL, EVIL)]),
    "GRANTS": lambda: Grants(EVIL, [hostile_grant()], 1, active=True),
    "USAGE": lambda: UsageList(
        since="", until=EVIL, by=EVIL, items=[Usage(EVIL, 1.0, 1, 1, 2.5), Usage("", 0, 0, 0, 1.0)]
    ),
    "DEVICES": lambda: DeviceList(
        at=EVIL, items=[HostDevice(EVIL, EVIL, EVIL, EVIL, EVIL, True, (hostile_grant(),))]
    ),
    "HOSTS": hostile_data,
    "HOST_CHECKS": lambda: [Check(EVIL, "unsafe", EVIL, EVIL, EVIL)],
    "HOST_DIFFERENCE": lambda: Difference(
        EVIL,
        (Uncovered(EVIL, EVIL, EVIL, EVIL, EVIL),),
        (Unused(EVIL, EVIL, EVIL, EVIL, EVIL, EVIL),),
        1,
        1,
    ),
}
"""A document of each kind, with hostile text wherever it can hold text from a project."""


def test_each_kind_of_document_is_tried() -> None:
    assert list(HOSTILE) == list(FORMATS)


@pytest.mark.thorough
@cases(("name", "form"), CASES)
def test_each_format_has_whole_lines_and_nothing_that_acts(name: str, form: str) -> None:
    shown = FORMATS[name][form](HOSTILE[name]())

    assert shown.endswith("\n")
    assert not shown.endswith("\n\n")
    assert not set(shown) & set("\x1b\r\x00\u202e")
    if form in ("json", "review", "sarif", "gitlab", "rdjson"):
        json.loads(shown)
    if form == "jsonl":
        assert all(json.loads(line) for line in shown.splitlines())
    if form == "csv":
        assert len({len(row) for row in csv.reader(io.StringIO(shown))}) == 1
    if form in ("junit", "checkstyle"):
        ElementTree.fromstring(shown)
    if form == "github":
        assert all(re.match("::(error|notice) ", line) for line in shown.splitlines())
    if (name, form) == ("REPORT", "markdown"):
        assert not re.search(r"(?<!\\)[<`]|@root|(?<!\\)#1", shown)


@cases("form", sorted(available.REPORT))
@cases("report", [MIXED, NOTHING, Report([])], ids=["mixed", "nothing", "empty"])
def test_each_format_of_a_report_has_whole_lines(form: str, report: Report) -> None:
    shown = available.REPORT[form](report)

    assert not shown or shown.endswith("\n")
    assert not shown.endswith("\n\n")


@cases("form", sorted(set(available.REPORT) - {"text"}))
def test_a_run_that_decided_nothing_says_so(form: str) -> None:
    shown = available.REPORT[form](NOTHING)

    assert "gone" in shown
    assert "No such file or directory" in shown.replace("\\", "")


@pytest.mark.thorough
def test_only_text_of_a_report_has_colours() -> None:
    coloured = {
        (name, form)
        for name, form in CASES
        if "\x1b" in FORMATS[name][form](HOSTILE[name](), colour=True)
    }

    assert coloured == {("REPORT", "text"), ("DECISION", "text")}
