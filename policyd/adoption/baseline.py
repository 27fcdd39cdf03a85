"""Compare the violations of projects with a baseline: a list of those that were there before.

In: decisions with the files of their projects, and a baseline. Out: which violations are new, which
entries are gone. An entry holds for one value: when the value changes, the violation is new again.
Entries do not depend on line numbers, positions in lists, or messages. Errors: ConfigError.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from policyd.errors import ConfigError
from policyd.fixes.yaml_places import NotEditable, end, find, offset
from policyd.limits import MAX_BUNDLE
from policyd.model import API_VERSION, Decision, Exempted, Status, Violation

FILE_NAME: Final = ".policyd-baseline.json"
SEPARATOR: Final = "//"
"""Between the folder of a project and the names of its files: no path has two slashes."""
KIND: Final = "Baseline"
DIGITS: Final = 32
"""Hexadecimal digits of the digest of a value."""


class Entry(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """A denied violation that is known. `value` is the digest of the text that causes it.

    `project` and `file` are relative to the folder of the baseline; in `path`, positions in lists
    are `*`.
    """

    project: str
    policy: str
    constraint: str
    file: str
    path: str
    value: str

    @property
    def place(self) -> tuple[str, ...]:
        """What identifies the place, whatever its value is."""
        return self.project, self.policy, self.constraint, self.file, self.path


class Baseline(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """The document in a baseline file."""

    api_version: str = API_VERSION
    kind: str = KIND
    entries: tuple[Entry, ...] = ()


class Known(msgspec.Struct, frozen=True):
    """A denied violation with its entry in a baseline."""

    entry: Entry
    violation: Violation


class Comparison(msgspec.Struct, frozen=True):
    """Violations compared with a baseline. `changed` are those whose value was another one."""

    new: tuple[Known, ...] = ()
    changed: tuple[Known, ...] = ()
    known: tuple[Known, ...] = ()
    gone: tuple[Entry, ...] = ()


def known_violations(
    decision: Decision,
    project: str,
    content: Callable[[str], bytes | None],
    relative: Callable[[str], str],
) -> tuple[Known, ...]:
    """Return the violations in `decision` that deny, each with its entry.

    `content` returns the content of a file by its name in the decision, `relative` its name in the
    baseline.
    """
    texts: dict[str, str] = {}
    found = []
    for one in decision.violations:
        if one.enforcement_action != "deny":
            continue
        file = one.location.file if one.location else ""
        if file not in texts:
            texts[file] = (content(file) or b"").decode("utf-8", "replace") if file else ""
        found.append(
            Known(
                Entry(
                    project=project,
                    policy=one.policy,
                    constraint=one.constraint,
                    file=relative(file) if file else "",
                    path="/".join("*" if isinstance(part, int) else part for part in one.path),
                    value=_value(one, texts[file]),
                ),
                one,
            )
        )
    return tuple(found)


def compare(
    baseline: Baseline,
    found: Sequence[Known],
    projects: Iterable[str],
    exists: Callable[[str], bool],
) -> Comparison:
    """Return `found`, the violations of `projects`, compared with `baseline`.

    Entries of other projects count as gone only if the project does not exist any more.
    """
    left = Counter(baseline.entries)
    evaluated = set(projects)
    new, known = [], []
    for one in found:
        if left[one.entry] > 0:
            left[one.entry] -= 1
            known.append(one)
        else:
            new.append(one)
    gone = sorted(
        entry
        for entry in left.elements()
        if entry.project in evaluated or not exists(entry.project)
    )
    before = {entry.place for entry in gone}
    changed = tuple(one for one in new if one.entry.place in before)
    return Comparison(
        tuple(one for one in new if one.entry.place not in before),
        changed,
        tuple(known),
        tuple(gone),
    )


def without_known(decision: Decision, known: Collection[Violation], baseline: str) -> Decision:
    """Return `decision` as if the violations `known`, which are in `baseline`, were exempted."""
    left, violations, exempted = list(known), [], list(decision.exempted)
    for one in decision.violations:
        if one in left:
            left.remove(one)
            fields = msgspec.structs.asdict(one)
            exempted.append(Exempted(**fields, exception=baseline, reason="known violation"))
        else:
            violations.append(one)
    denying = sum(one.enforcement_action == "deny" for one in violations)
    status = decision.status
    if status.code == 403:
        status = (
            Status(403, "Forbidden", f"violations that are not in the baseline: {denying}")
            if denying
            else Status(200, "OK", "no violation that is not in the baseline")
        )
    return msgspec.structs.replace(
        decision,
        allowed=status.code == 200,
        status=status,
        violations=tuple(violations),
        exempted=tuple(exempted),
    )


def read_baseline(path: Path) -> Baseline:
    """Return the baseline in the file `path`. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BUNDLE + 1)
        found = msgspec.json.decode(content, type=Baseline)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: is not a baseline: {error}") from error
    if (found.api_version, found.kind) != (API_VERSION, KIND):
        raise ConfigError(
            f"{path}: is not a baseline: apiVersion must be {API_VERSION} and kind {KIND}"
        )
    return found


def write_baseline(path: Path, entries: Iterable[Entry]) -> None:
    """Write a baseline with `entries`, sorted, one a line. Raises ConfigError."""
    document = Baseline(entries=tuple(sorted(entries)))
    lines = ",\n".join(f"    {msgspec.json.encode(one).decode()}" for one in document.entries)
    body = f"[\n{lines}\n  ]" if lines else "[]"
    text = f'{{\n  "apiVersion": "{API_VERSION}",\n  "kind": "{KIND}",\n  "entries": {body}\n}}\n'
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error


def _value(violation: Violation, text: str) -> str:
    """Return the digest of the text that causes `violation`.

    A text with a variable does not say what the value is. The message does, as far as the policy
    looks at it, and reports show it anyway; so no digest of a secret is written.
    """
    place = violation.location
    written = ""
    if place and place.line:
        try:
            node = find(text, place.line, place.column).node
            written = text[offset(node) : end(node)]
        except NotEditable:
            written = ""
    if not written or "$" in written:
        written += "\0" + violation.message
    return hashlib.sha256(written.encode("utf-8", "replace")).hexdigest()[:DIGITS]
