"""A policy explained to the author of a project.

In: a policy in its policy set, with examples. Out: text.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from policyd.formats.policies import OFF, PolicyInSet
from policyd.formats.table import table, visible
from policyd.policies.examples import Examples

WIDTH: Final = 88
"""Width of a paragraph in columns."""
HEADER: Final = ("POLICY", "SEVERITY", "ACTION", "REPORTS")

_ACTIONS: Final = {
    OFF: "It is not in force here: the policy set has no constraint on it.",
    "deny": "It denies here.",
    "warn": "It only warns here.",
    "dryrun": "It is only recorded here (dry run).",
}


class Explanation(msgspec.Struct, frozen=True):
    """A policy in its policy set, its examples, and what `policyd fix` does, "" for nothing."""

    shown: PolicyInSet
    examples: Examples
    fix: str = ""


class Explainable(msgspec.Struct, frozen=True):
    """The policies that can be explained, in order, by ID."""

    policies: Mapping[str, PolicyInSet]


def explanation_text(explained: Explanation, *, colour: bool = False) -> str:
    """Return why the policy is there, examples, the fix, and how to ask for an exception."""
    return "\n".join(_page(explained)) + "\n"


def list_text(explainable: Explainable, *, colour: bool = False) -> str:
    """Return a table of the policies."""
    rows = [
        (visible(id_), shown.policy.severity, shown.action, shown.policy.title)
        for id_, shown in explainable.policies.items()
    ]
    return "\n".join(table(HEADER, rows)) + "\n\n`policyd explain POLICY` explains one policy.\n"


def _page(explained: Explanation) -> Iterator[str]:
    policy = explained.shown.policy
    yield f"{policy.id}: {visible(policy.title)} ({policy.severity})"
    action = explained.shown.action
    yield _ACTIONS.get(action, f"Its actions here: {action}.")
    yield from _section("Why", _paragraph(policy.description))
    yield from _section("Denied", _example(explained.examples.denied, policy.id))
    yield from _section("Allowed", _example(explained.examples.allowed, policy.id))
    fix = [f"`policyd fix` {visible(explained.fix)}."] if explained.fix else []
    remediation = " ".join([" ".join(policy.remediation.split()), *fix])
    yield from _section("Fix", _paragraph(remediation))
    yield from _section(
        "Exception",
        _paragraph(
            f"`policyd exceptions request {policy.id}` prints the document that the owners of the "
            "policy set can approve, for the violations of the project in this folder."
        ),
    )
    yield from _section("References", [f"  {visible(one)}" for one in policy.references])


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{title}:"
        yield from lines


def _example(text: str, policy: str) -> list[str]:
    """Return the lines of a sample. Its first comment may give parameters of the policy."""
    setting = re.match(rf"# constraints: \{{{policy}: (\{{.*\}})\}}\n", text)
    if setting:
        text = text[setting.end() :]
        text = text if setting[1] == "{}" else f"# with the parameters {setting[1]}\n{text}"
    return [f"  {visible(line)}".rstrip() for line in text.rstrip().splitlines()]


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(
        visible(" ".join(text.split())),
        WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
