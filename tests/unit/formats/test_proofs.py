from __future__ import annotations

import json

from policyd.formats.proofs import as_json, text
from policyd.model import Undecided
from policyd.wire import ProofList, ProvenDecision

PROOFS = ProofList(
    items=[ProvenDecision("a.proof", "policyd.example/log", 7, 3, "d3", "2026-11-30", "ab")],
    problems=[Undecided("b.proof", "the proof does not lead to the root of the checkpoint")],
)


def test_each_proof_is_a_line_that_says_what_it_shows_or_why_it_does_not_hold() -> None:
    assert text(PROOFS) == (
        "a.proof: decision d3 of 2026-11-30 is event 3 of the log policyd.example/log with 7 "
        "events; its hash is ab\n"
        "b.proof: the proof does not lead to the root of the checkpoint\n"
    )


def test_proofs_as_json_are_a_document_with_its_kind() -> None:
    assert json.loads(as_json(PROOFS)) == {
        "apiVersion": "policyd/v1",
        "kind": "ProofList",
        "items": [
            {
                "source": "a.proof",
                "origin": "policyd.example/log",
                "size": 7,
                "sequence": 3,
                "decision": "d3",
                "time": "2026-11-30",
                "hash": "ab",
            }
        ],
        "problems": [
            {
                "source": "b.proof",
                "reason": "the proof does not lead to the root of the checkpoint",
            }
        ],
    }
