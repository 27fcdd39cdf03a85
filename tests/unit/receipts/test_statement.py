"""The statements of a receipt, key by key, as in-toto and SLSA define them."""

from __future__ import annotations

import hashlib
import json

import pytest

from policyd import __version__
from policyd.errors import ReceiptError
from policyd.model import Source
from policyd.receipts.statement import (
    admission_in,
    admission_statement,
    kind_of,
    summary_statement,
)
from tests.support.cases import cases
from tests.support.receipts import admission


def test_the_admission_states_the_decision_in_detail() -> None:
    statement = admission_statement(admission())

    document = json.loads(statement)
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["predicateType"] == "https://policyd.example/admission/v1"
    assert document["subject"] == [
        {"name": "ml/train", "digest": {"gitCommit": "b" * 40}},
        {"name": "ml/train/train", "digest": {"sha256": "a" * 64}},
    ]
    predicate = document["predicate"]
    assert set(predicate) == {
        "decisionId", "log", "sequence", "time", "expires", "allowed", "operation", "dryRun",
        "project", "bundleDigest", "source", "policySet", "workloads", "grants", "exceptions",
    }  # fmt: skip
    assert (predicate["sequence"], predicate["source"]["host"]) == (7, "gpu-01")
    assert admission_in(statement) == admission()


def test_the_summary_states_the_result_as_slsa_defines_it() -> None:
    statement = admission_statement(admission())

    document = json.loads(summary_statement(admission(), statement))

    assert document["predicateType"] == "https://slsa.dev/verification_summary/v1"
    assert document["subject"] == json.loads(statement)["subject"]
    assert document["predicate"] == {
        "verifier": {
            "id": "https://policyd.acme.example/log",
            "version": {"policyd": __version__},
        },
        "timeVerified": admission().time,
        "resourceUri": f"git+https://ml/train@{'b' * 40}#train",
        "policy": {"uri": "policyd:policy-set/default", "digest": {"sha256": "c" * 64}},
        "inputAttestations": [
            {
                "uri": "https://policyd.example/admission/v1#d-1",
                "digest": {"sha256": hashlib.sha256(statement).hexdigest()},
            }
        ],
        "verificationResult": "PASSED",
        "verifiedLevels": ["POLICYD_ADMISSION"],
        "slsaVersion": "1.1",
    }


def test_a_denial_is_a_failed_summary() -> None:
    denial = admission(allowed=False)

    predicate = json.loads(summary_statement(denial, b""))["predicate"]

    assert (predicate["verificationResult"], predicate["verifiedLevels"]) == ("FAILED", ["FAILED"])


def test_an_artifact_is_a_subject_by_its_digest() -> None:
    pushed = admission(source=Source("acme/app", "1.0", f"sha256:{'d' * 64}"), bundle_digest="")

    document = json.loads(summary_statement(pushed, b""))

    assert document["subject"] == [{"name": "acme/app", "digest": {"sha256": "d" * 64}}]
    assert document["predicate"]["resourceUri"] == f"oci://acme/app@sha256:{'d' * 64}"


@cases(
    ("changed", "sentence"),
    [
        (("Statement/v1", "Statement/v0.1"), "the payload is 'https://in-toto.io/Statement/v0.1'"),
        (("admission/v1", "admission/v2"), "the predicate is 'https://policyd.example/admission/v"),
        (('"sequence":7', '"sequence":"7"'), "the predicate is not an admission: Expected `int`"),
        (('"sequence":7', '"sequence":7,"sequence":8'), "the payload is not an in-toto statement"),
    ],
)
def test_another_statement_is_refused(changed: tuple[str, str], sentence: str) -> None:
    statement = admission_statement(admission()).decode().replace(*changed).encode()

    with pytest.raises(ReceiptError) as raised:
        admission_in(statement)

    assert str(raised.value).startswith(sentence)


def test_keys_that_are_added_later_are_ignored() -> None:
    later = admission_statement(admission()).replace(b'"sequence":7', b'"sequence":7,"new":[1]')

    assert kind_of(later) == "https://policyd.example/admission/v1"
    assert admission_in(later) == admission()
