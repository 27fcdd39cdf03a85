"""The two statements of a receipt, in the form of in-toto.

The admission states in detail what was decided: workloads, grants, host, expiry, the number of the
decision in the audit log. The summary states the result in the form that other programs know.

In: a recorded decision and its workloads. Out: JSON, and the admission in it. Sources: in-toto
attestation framework, Statement v1 and digest set; SLSA, Verification Summary Attestation v1.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final
from urllib.parse import quote

import msgspec

from policyd import __version__
from policyd.errors import ReceiptError
from policyd.model import Grant, Operation, PolicySetRevision, Source, WorkloadKind, to_json
from policyd.receipts.envelope import decoded

STATEMENT: Final = "https://in-toto.io/Statement/v1"
ADMISSION: Final = "https://policyd.example/admission/v1"
SUMMARY: Final = "https://slsa.dev/verification_summary/v1"

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256: Final = re.compile(r"sha256:[0-9a-f]{64}")


class AdmittedWorkload(msgspec.Struct, frozen=True):
    """A container that was reviewed. `digest` covers its security-relevant settings.

    `name` is unique in the project: the name of the service or job, or web/pre_start/0 for a hook.
    `replicas` counts its containers.
    """

    name: str
    service: str
    kind: WorkloadKind
    replicas: int
    digest: str


class Admission(msgspec.Struct, frozen=True, rename="camel"):
    """A decision and what it covers. Times are in RFC 3339, in UTC with nanoseconds.

    `log` is the name of the audit log, and `sequence` the number of the decision in it. `grants`
    are those that the decision made: none for a CHECK and a dry run.
    """

    decision_id: str
    log: str
    sequence: int
    time: str
    expires: str
    allowed: bool
    operation: Operation
    dry_run: bool
    project: str
    bundle_digest: str
    source: Source
    policy_set: PolicySetRevision
    workloads: tuple[AdmittedWorkload, ...]
    grants: tuple[Grant, ...]
    exceptions: tuple[str, ...] = ()


class _Statement(msgspec.Struct, frozen=True, rename="camel"):
    """The part of a statement that every reader needs."""

    type: str = msgspec.field(name="_type")
    predicate_type: str
    predicate: msgspec.Raw


def admission_statement(admission: Admission) -> bytes:
    """Return the statement whose predicate is `admission`."""
    return _statement(admission, ADMISSION, admission)


def summary_statement(admission: Admission, statement: bytes) -> bytes:
    """Return the verification summary of `admission`, which `statement` states in detail."""
    policy_set = admission.policy_set
    passed = admission.allowed
    summary = {
        "verifier": {"id": f"https://{admission.log}", "version": {"policyd": __version__}},
        "timeVerified": admission.time,
        "resourceUri": _resource(admission),
        "policy": {
            "uri": f"policyd:policy-set/{quote(policy_set.name, safe='')}",
            "digest": {"sha256": policy_set.revision.removeprefix("sha256:")},
        },
        "inputAttestations": [
            {
                "uri": f"{ADMISSION}#{admission.decision_id}",
                "digest": {"sha256": hashlib.sha256(statement).hexdigest()},
            }
        ],
        "verificationResult": "PASSED" if passed else "FAILED",
        "verifiedLevels": ["POLICYD_ADMISSION" if passed else "FAILED"],
        "slsaVersion": "1.1",
    }
    return _statement(admission, SUMMARY, summary)


def kind_of(statement: bytes) -> str:
    """Return the type of the predicate of `statement`. Raises ReceiptError."""
    return _parsed(statement).predicate_type


def admission_in(statement: bytes) -> Admission:
    """Return the admission in `statement`. Raises ReceiptError for any other statement."""
    found = _parsed(statement)
    if found.predicate_type != ADMISSION:
        raise ReceiptError(f"the predicate is {found.predicate_type!r}; expected {ADMISSION}")
    return decoded(bytes(found.predicate), Admission, "the predicate is not an admission")


def _parsed(statement: bytes) -> _Statement:
    found = decoded(statement, _Statement, "the payload is not an in-toto statement")
    if found.type != STATEMENT:
        raise ReceiptError(f"the payload is {found.type!r}; expected {STATEMENT}")
    return found


def _statement(admission: Admission, kind: str, predicate: object) -> bytes:
    return to_json(
        {
            "_type": STATEMENT,
            "subject": _subjects(admission),
            "predicateType": kind,
            "predicate": predicate,
        }
    )


def _subjects(admission: Admission) -> list[dict[str, Any]]:
    """Return what was reviewed: the files, and the commit or the artifact that has them."""
    source = admission.source
    name = "/".join(filter(None, (source.repository, admission.project))) or "project"
    digest = admission.bundle_digest
    subjects: list[dict[str, Any]] = []
    if _SHA256.fullmatch(source.commit):
        found = source.commit.removeprefix("sha256:")
        subjects.append({"name": source.repository or name, "digest": {"sha256": found}})
    elif _COMMIT.fullmatch(source.commit):
        subjects.append({"name": source.repository or name, "digest": {"gitCommit": source.commit}})
    if _SHA256.fullmatch(digest):
        subjects.append({"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}})
    return subjects


def _resource(admission: Admission) -> str:
    source = admission.source
    repository = quote(source.repository)
    if _SHA256.fullmatch(source.commit):
        return f"oci://{repository}@{source.commit}"
    at = f"@{quote(source.commit, safe='')}" if source.commit else ""
    return f"git+https://{repository}{at}#{quote(admission.project)}"
