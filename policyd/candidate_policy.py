"""Load a policy that a person proposes, to see what it would decide.

In: Rego, and constraints in YAML. Out: a policy set with these policies only, after a trial in a
process of its own, which they cannot harm. Nothing is kept: the files of the trial are removed.
Errors: PolicySetError, whose place is in `candidate.rego` or `constraints.yaml`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

import msgspec

from policyd.errors import PolicySetError
from policyd.model import Location
from policyd.policies.policy_set import POLICY_SET_FILE, PolicySet
from policyd.policy_set_trial import load_candidate_after_trial

NAME: Final = "candidate"
"""The name of the policy set."""
REGO: Final = "candidate.rego"
CONSTRAINTS: Final = "constraints.yaml"
SECONDS: Final = 10.0
"""The longest time that the trial may take."""

_HEADING: Final = (
    "{apiVersion: policyd/v1, kind: PolicySet, metadata: {name: candidate}, "
    "spec: {packs: [candidate]}}\n---\n"
)
_HEADING_LINES: Final = _HEADING.count("\n")


def load_candidate(
    rego: str, constraints: str = "", *, data: dict[str, Any], seconds: float = SECONDS
) -> PolicySet:
    """Return the policy set with the policies in `rego`, which are evaluated with `data`.

    A policy without a constraint in `constraints` denies everywhere. Raises PolicySetError.
    """
    with tempfile.TemporaryDirectory(prefix="policyd-candidate-") as name:
        folder = Path(name)
        pack = folder / NAME
        pack.mkdir()
        (pack / REGO).write_text(rego, encoding="utf-8", newline="\n")
        content = _HEADING + constraints if constraints.strip() else _HEADING.removesuffix("---\n")
        (folder / POLICY_SET_FILE).write_text(content, encoding="utf-8", newline="\n")
        try:
            candidate = load_candidate_after_trial(folder, seconds)
        except PolicySetError as error:
            message = error.message.replace(f"{folder}/", "")
            raise PolicySetError(message, _placed(error, folder)) from None
    if not candidate.policies:
        raise PolicySetError(
            "there is no policy: write a package policyd.policies.NAME with METADATA, or rules "
            "named deny, violation or warn",
            Location(REGO),
        )
    return msgspec.structs.replace(candidate, data=data)


def _placed(error: PolicySetError, folder: Path) -> Location | None:
    """Return the location of `error` in the submitted text, or None if it concerns all of it.

    An error of the whole `folder`, such as a timeout or too little memory, concerns the Rego.
    """
    where = error.where
    if where is None:
        return None
    if where == Location(str(folder)):
        return Location(REGO)
    file = where.file.rpartition("/")[2]
    if file == POLICY_SET_FILE:
        return Location(CONSTRAINTS, max(where.line - _HEADING_LINES, 0), where.column)
    return Location(file, where.line, where.column) if file == REGO else None
