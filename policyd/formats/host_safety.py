"""The checks of a host, and the difference between its containers and its grants.

In: checks, a difference. Out: text for people, or JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from policyd import wire
from policyd.formats import json
from policyd.formats.table import seconds, table, visible
from policyd.host_findings import Check, Difference

_WORDS: Final = {"ok": "ok", "unsafe": "UNSAFE", "unknown": "unknown"}


def checks_text(checks: Sequence[Check], *, colour: bool = False) -> str:
    """Return a line for each check; one that is not ok says why it matters and what to change."""
    lines = []
    for one in checks:
        lines.append(visible(f"{_WORDS[one.state]:8}{one.setting}: {one.found}"))
        if one.state != "ok":
            lines.append(f"        Why: {visible(one.why)}.")
            lines.append(f"        Change: {visible(one.change)}.")
    number = sum(one.state == "unsafe" for one in checks)
    unknown = sum(one.state == "unknown" for one in checks)
    more = f" ({unknown} unknown)" if unknown else ""
    return "\n".join([*lines, "", f"Unsafe settings: {number} of {len(checks)}{more}."]) + "\n"


def checks_json(checks: Sequence[Check], *, colour: bool = False) -> str:
    """Return the checks as a JSON document."""
    return json.render(wire.HostChecks(items=msgspec.to_builtins(checks)))


def difference_text(found: Difference, *, colour: bool = False) -> str:
    """Return the containers that no grant covers, then the grants that nothing uses."""
    lines = []
    if found.uncovered:
        uncovered = [
            (one.container, one.project or "-", one.service, one.asked, one.reason)
            for one in found.uncovered
        ]
        lines += ["Containers that no grant covers:", ""]
        lines += [*table(("CONTAINER", "PROJECT", "SERVICE", "HAS", "REASON"), uncovered), ""]
    if found.unused:
        rows = [
            (
                *(one.name, one.repository or "-", one.project, one.service, one.devices),
                seconds(one.since),
            )
            for one in found.unused
        ]
        header = ("GRANT", "REPOSITORY", "PROJECT", "SERVICE", "DEVICES", "SINCE")
        lines += ["Grants that no running container uses:", "", *table(header, rows), ""]
    lines.append(
        visible(
            f"{found.host}: {len(found.uncovered)} of {found.containers} running containers have "
            f"accelerators without a grant; {len(found.unused)} of {found.grants} grants are "
            "unused."
        )
    )
    return "\n".join(lines) + "\n"


def difference_json(found: Difference, *, colour: bool = False) -> str:
    """Return the difference as a JSON document."""
    return json.render(wire.HostDifference(**msgspec.to_builtins(found)))


def difference_metrics(found: Difference, *, colour: bool = False) -> str:
    """Return the two numbers for the textfile collector of Prometheus' node exporter."""
    host = visible(found.host).replace("\\", "\\\\").replace('"', '\\"')
    lines = []
    for name, what, number in (
        ("uncovered_containers", "Running containers that no grant covers.", found.uncovered),
        ("unused_grants", "Grants that no running container uses.", found.unused),
    ):
        metric = f"policyd_host_{name}"
        lines += [f"# HELP {metric} {what}", f"# TYPE {metric} gauge"]
        lines.append(f'{metric}{{host="{host}"}} {len(number)}')
    return "\n".join(lines) + "\n"
