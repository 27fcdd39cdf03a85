"""The rules of other linters, and the policies that report the same: other_linters.yaml.

Out: the rules by linter, and the page of the documentation that compares them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import yaml

from policyd.policies.packs import built_in

LINTERS: Final = {
    "compose-lint": "compose-lint 0.36",
    "kics": "KICS 2.2, queries for Docker Compose",
}


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule of another linter. `sample` is pack/policy/name; `differs` ends with a full stop."""

    title: str
    policies: tuple[str, ...]
    sample: str
    differs: str = ""

    @property
    def file(self) -> Path:
        """The Compose file of the sample, which both report."""
        pack, policy, name = self.sample.split("/")
        return built_in() / pack / policy / "samples" / name / "compose.yaml"


@cache
def rules() -> dict[str, dict[str, Rule]]:
    """Return the rules of each linter by their id."""
    content = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
    return msgspec.convert(content, dict[str, dict[str, Rule]])


def page() -> Iterator[str]:
    """Yield the lines of the page that compares the linters with the policies."""
    yield "# Rules of other linters"
    yield ""
    yield "Each rule of compose-lint and of KICS for Docker Compose, the policies that report the"
    yield "same, and a sample that both report. A test runs compose-lint and KICS over all samples:"
    yield "whatever they report, one of these policies reports, except for the differences."
    yield ""
    yield "Policies evaluate the effective model: files are merged, variables are replaced, and"
    yield "`extends`, `include` and hooks are resolved. No single file shows that."
    yield "A service with a `provider` is not a container, and no policy asks for its limits."
    for linter, title in LINTERS.items():
        yield ""
        yield f"## {title}"
        yield ""
        yield "| Rule | Policies | Sample | Differences |"
        yield "|---|---|---|---|"
        for name, rule in rules()[linter].items():
            policies = ", ".join(f"[{each}](../catalogue/{each}.md)" for each in rule.policies)
            shown = f"{name}: {rule.title}" if linter == "compose-lint" else rule.title
            yield f"| {shown} | {policies} | `{rule.sample}` | {rule.differs} |"
