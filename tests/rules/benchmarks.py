"""The policies by the recommendations that their METADATA refers to.

Out: the page of the documentation with the CIS Docker Benchmark, the Pod Security Standards and the
OWASP Docker Security Cheat Sheet.
"""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from policyd.policies.packs import Policy
from tests.support import everything

_CIS: Final = "CIS Docker Benchmark 1.6: "
_PSS: Final = "Pod Security Standards, "
_OWASP: Final = "OWASP Docker Security Cheat Sheet, "
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    with tempfile.TemporaryDirectory() as folder:
        policies = everything.policy_set(Path(folder)).policies.values()
    yield "# Benchmarks"
    yield ""
    yield "Which policies check a recommendation, by the references in their METADATA."
    for title, prefix in (
        ("CIS Docker Benchmark 1.6", _CIS),
        ("Pod Security Standards", _PSS),
        ("OWASP Docker Security Cheat Sheet", _OWASP),
    ):
        yield ""
        yield f"## {title}"
        yield ""
        yield "| Recommendation | Policies |"
        yield "|---|---|"
        for item, names in sorted(_by_item(policies, prefix).items(), key=_order):
            links = ", ".join(f"[{name}](../catalogue/{name}.md)" for name in sorted(names))
            yield f"| {item} | {links} |"


def _by_item(policies: Iterable[Policy], prefix: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for policy in policies:
        for reference in policy.references:
            if reference.startswith(prefix):
                text = reference.removeprefix(prefix).rpartition(": https://")[0]
                for item in _NUMBER.findall(text) if prefix == _CIS else [text]:
                    found[item].add(policy.id)
    return found


def _order(entry: tuple[str, set[str]]) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d+", entry[0])], entry[0]
