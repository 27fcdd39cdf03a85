"""Verified proofs that decisions are in an audit log.

In: a ProofList of policyd.wire. Out: one line for each proof, or the document as JSON.
"""

from __future__ import annotations

from policyd import wire
from policyd.formats import json
from policyd.formats.table import visible


def text(proofs: wire.ProofList, *, colour: bool = False) -> str:
    """Return a line for each proof: what it shows, or why it does not hold."""
    lines = [
        f"{one.source}: decision {one.decision} of {one.time} is event {one.sequence} of the log "
        f"{one.origin} with {one.size} events; its hash is {one.hash}"
        for one in proofs.items
    ]
    lines += [f"{one.source}: {one.reason}" for one in proofs.problems]
    return "".join(f"{visible(line)}\n" for line in lines)


def as_json(proofs: wire.ProofList, *, colour: bool = False) -> str:
    """Return the ProofList."""
    return json.render(proofs)
