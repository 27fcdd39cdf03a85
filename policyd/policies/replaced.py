"""What replaces the libraries and names of `policyd.lib` that were removed."""

from __future__ import annotations

from typing import Final

_GRANTS: Final = "read `grants` of a workload, as in `some grant in w.grants`"
_REPLACED: Final = {
    "data.policyd.lib.routes": _GRANTS,
    "data.policyd.lib.grants": _GRANTS,
    "data.policyd.lib.runtimes": "read `runtime_class` of a workload",
    "data.policyd.lib.selection": "read `devices` of a grant",
    "data.policyd.lib.cdi": "read `identities` and `vendor` of a grant",
    "data.policyd.lib.generic_resources": "read the grants with the method generic-resource",
    "data.policyd.lib.environment.selectors": "read `selectors` of a workload",
    "data.policyd.lib.environment.is_selector": "read `selectors` of a workload",
    "data.policyd.lib.environment.of": "use data.policyd.lib.environment.by_workload",
    "data.policyd.lib.mounts.of": "use data.policyd.lib.mounts.by_workload",
    "data.policyd.lib.nodes.kfd": "read the grants with the method device-node",
    "data.policyd.lib.nodes.class_guid": "read the grants with the method device-node",
    "data.policyd.lib.cgroup_rules.granted": "read the grants with the method cgroup-rule",
    "data.policyd.lib.hosts.device": "use data.policyd.lib.hosts.identity",
    "data.policyd.tables.runtimes.variables": "use data.policyd.tables.selectors.names",
}


def replacement(path: str) -> str:
    """Return what to use instead of `path`, as the end of a sentence; "" if it was never there."""
    for removed, instead in _REPLACED.items():
        if path == removed or path.startswith(f"{removed}."):
            return f"; it was removed: {instead}"
    return ""
