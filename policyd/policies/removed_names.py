"""What replaces the libraries and names of `policyd.lib` that were removed."""

from __future__ import annotations

from typing import Final

_GRANTS: Final = "read `grants` of a workload, as in `some grant in w.grants`"
_MOUNT_CLASSES: Final = (
    "class_by_type class_if_writable class_of config_parents config_prefixes driver_directories "
    "driver_trees holds_config host_prefixes is_disk is_folder_of_links is_pipe is_service_socket "
    "is_socket is_system reaches_host request_root service_sockets socket_suffixes sockets "
    "system_directories system_prefixes system_trees below_all"
)
"""Names of data.policyd.lib.mounts by which mounts were classified."""

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
    "data.policyd.lib.mounts.vendors": "read the grants with the method mount",
    **{
        f"data.policyd.lib.mounts.{name}": "read `host_class` of a mount"
        for name in _MOUNT_CLASSES.split()
    },
    "data.policyd.lib.nodes.disk": "read `disk` of a device or of a mount",
    "data.policyd.lib.nodes": "read the grants with the methods device-node and mount",
    "data.policyd.lib.cgroup_rules.danger": "read `danger` of a device rule",
    "data.policyd.lib.cgroup_rules": "read the grants with the method cgroup-rule",
    "data.policyd.lib.builds": "read the grants with the method build",
    "data.policyd.lib.hosts.has_usb_accelerators": "read `usb_accelerators` of "
    "data.policyd.lib.hosts.reviewed",
    "data.policyd.lib.hosts.device": "use data.policyd.lib.hosts.identity",
    "data.policyd.tables.runtimes.variables": "use data.policyd.tables.selectors.names",
}


def replacement(path: str) -> str:
    """Return what to use instead of `path`, as the end of a sentence; "" if it was never there."""
    for removed, instead in _REPLACED.items():
        if path == removed or path.startswith(f"{removed}."):
            return f"; it was removed: {instead}"
    return ""
