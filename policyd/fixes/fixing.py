"""Fix the violations of a project, one after the other, and evaluate it again after each edit.

In: a bundle, and a function that decides on a bundle. Out: a FixedProject with the new texts and
what remains. Nothing is written. An edit is kept only if it ends a violation and causes none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Final

import msgspec

from policyd.bundle import DirectoryFiles
from policyd.errors import BundleError
from policyd.fixes.edited_files import EditedFiles, editable_path
from policyd.fixes.mechanical import MECHANICAL
from policyd.fixes.yaml_places import NotEditable, find
from policyd.model import Bundle, Decision, Path, Violation

MAX_EDITS: Final = 1_000
"""Edits of one project."""
DECIDED: Final = (200, 403)
"""Status codes of a project that was loaded and evaluated."""

Decide = Callable[[Bundle], Decision]
_Key = tuple[str, str, Path]


class FixedProject(msgspec.Struct, frozen=True):
    """The result for one project: texts before and after by file, and decisions before and after.

    `problems` says why a mechanical fix could not be made, by policy, file and path.
    """

    before: Decision
    after: Decision
    texts: dict[str, tuple[str, str]]
    fixed: tuple[Violation, ...] = ()
    problems: dict[_Key, str] = {}

    def problem(self, violation: Violation) -> str:
        """Return why the fix of `violation` could not be made, "" if there is none to make."""
        return self.problems.get(_key(violation), "")


class _Refused(Exception):
    """An edit that is not kept. The message says why."""


def fix_project(bundle: Bundle, decide: Decide, policies: Collection[str] = ()) -> FixedProject:
    """Return the project in `bundle` with the mechanical fixes of `policies` (default: all) made.

    Raises what `decide` raises.
    """
    files = bundle.files
    assert isinstance(files, DirectoryFiles)
    before = decision = decide(bundle)
    edits: dict[str, str] = {}
    fixed: list[Violation] = []
    problems: dict[_Key, str] = {}
    for _ in range(MAX_EDITS):
        violation = next(
            (
                one
                for one in decision.violations
                if one.policy in (policies or MECHANICAL)
                and one.policy in MECHANICAL
                and _key(one) not in problems
            ),
            None,
        )
        if violation is None:
            break
        try:
            name, text = _edited(files, edits, violation)
            trial = {**edits, name: text}
            after = decide(msgspec.structs.replace(bundle, files=EditedFiles(files, trial)))
            _check(violation, decision, after)
        except (_Refused, NotEditable, BundleError) as error:
            problems[_key(violation)] = str(error)
            continue
        edits, decision = trial, after
        fixed.append(violation)
    texts = {name: (_text(files, name), text) for name, text in edits.items()}
    return FixedProject(before, decision, texts, tuple(fixed), problems)


def _edited(files: DirectoryFiles, edits: dict[str, str], violation: Violation) -> tuple[str, str]:
    """Return the file that causes `violation` and its edited text."""
    place = violation.location
    if place is None or not place.line:
        raise _Refused("no file states the value")
    editable_path(files, place.file)
    text = edits[place.file] if place.file in edits else _text(files, place.file)
    edit = MECHANICAL[violation.policy].edit
    return place.file, edit(text, find(text, place.line, place.column), violation)


def _text(files: DirectoryFiles, name: str) -> str:
    try:
        return (files.shown(name) or b"").decode()
    except UnicodeDecodeError:
        raise _Refused("the file is not UTF-8") from None


def _check(violation: Violation, before: Decision, after: Decision) -> None:
    """Raise _Refused unless the edit ended a violation of the policy and caused no other.

    The violation may remain because of another file: then that one is edited next.
    """
    if after.status.code not in DECIDED:
        raise _Refused(f"with the edit, the project does not load: {after.status.message}")
    had = Counter(one.policy for one in before.violations)
    has = Counter(one.policy for one in after.violations)
    if caused := sorted((has - had).keys()):
        raise _Refused(f"the edit would violate {', '.join(caused)}")
    if has[violation.policy] == had[violation.policy] and not _moved(violation, after):
        raise _Refused("the edit does not end the violation")


def _moved(violation: Violation, after: Decision) -> bool:
    """Return whether another file now causes the violation."""
    return all(
        one.location is not None
        and violation.location is not None
        and one.location.file != violation.location.file
        for one in after.violations
        if (one.policy, one.path) == (violation.policy, violation.path)
    )


def _key(violation: Violation) -> _Key:
    return violation.policy, violation.location.file if violation.location else "", violation.path
