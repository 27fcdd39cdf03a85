"""The policies whose fix is mechanical: one edit ends the violation, and nobody has to decide.

In: a violation, the text of the file that causes it, and the place of the value. Out: the edited
text. A fix that needs a decision (which GPU, which folder) is not here. Pure. Errors: NotEditable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import yaml

from policyd.fixes.yaml_edits import (
    with_entry,
    with_item,
    with_read_only_mount,
    with_value,
    without,
)
from policyd.fixes.yaml_places import NotEditable, Place, entries
from policyd.model import Violation

Edit = Callable[[str, Place, Violation], str]


class MechanicalFix(NamedTuple):
    """What a fix does, as the end of a sentence, and the edit that does it."""

    does: str
    edit: Edit


def _remove(*, keys: tuple[str, ...] = (), items_of: tuple[str, ...] = ()) -> Edit:
    """Return the edit that removes an entry with one of `keys`, or an entry below `items_of`."""

    def edit(text: str, place: Place, _violation: Violation) -> str:
        for here in place.ancestors():
            if here.name in keys or (here.parent and here.parent.name in items_of):
                return without(text, here)
        raise NotEditable(f"it is not written below {' or '.join((*keys, *items_of))}")

    return edit


def _read_only(text: str, place: Place, _violation: Violation) -> str:
    return with_read_only_mount(text, _item_of(place, "volumes"))


def _remove_runtime(text: str, place: Place, violation: Violation) -> str:
    # The remediation depends on the workload: often a device request has to replace the runtime.
    if not violation.remediation.startswith("Remove `runtime:`"):
        raise NotEditable("a device request must replace the runtime")
    return _remove(keys=("runtime",))(text, place, violation)


def _driver(text: str, place: Place, violation: Violation) -> str:
    # The remediation names the vendor that the entry asks for.
    vendor = "amd" if "`driver: amd`" in violation.remediation else "nvidia"
    return with_entry(text, _item_of(place, "devices", "gpus"), "driver", vendor)


def _capability(text: str, place: Place, _violation: Violation) -> str:
    request = _item_of(place, "devices", "gpus")
    for entry in entries(request):
        if entry.name == "capabilities" and isinstance(entry.node, yaml.SequenceNode):
            return with_item(text, entry, "gpu")
    return with_entry(text, request, "capabilities", "[gpu]")


def _no_new_privileges(text: str, place: Place, _violation: Violation) -> str:
    option = "no-new-privileges:true"
    for here in place.ancestors():
        if here.name == "security_opt":
            for item in entries(here):
                if str(item.node.value).startswith("no-new-privileges"):
                    return with_value(text, item, option)
            return with_item(text, here, option)
        if here.parent and here.parent.name in ("services", "jobs"):
            return with_entry(text, here, "security_opt", f"['{option}']")
    raise NotEditable("it is not written below a service")


def _item_of(place: Place, *lists: str) -> Place:
    for here in place.ancestors():
        if here.parent and here.parent.name in lists and here.key is None:
            return here
    raise NotEditable(f"it is not an item of {' or '.join(lists)}")


_READ_ONLY: Final = MechanicalFix("mounts it read-only", _read_only)
_RUNTIME: Final = MechanicalFix("removes `runtime:` where nothing must replace it", _remove_runtime)
_CAPABILITY: Final = _remove(items_of=("cap_add",))
_SOCKET: Final = _remove(keys=("use_api_socket",), items_of=("volumes",))
_NAMESPACES: Final = ("pid", "ipc", "userns_mode", "uts", "network_mode", "cgroup")

MECHANICAL: Final[Mapping[str, MechanicalFix]] = {
    "allowed-capabilities": MechanicalFix("removes the capability", _CAPABILITY),
    "allowed-dns": MechanicalFix(
        "removes the entry", _remove(items_of=("dns", "dns_opt", "dns_search"))
    ),
    "allowed-isolation": MechanicalFix(
        "removes the key", _remove(keys=("isolation",), items_of=("storage_opt",))
    ),
    "allowed-sysctls": MechanicalFix("removes the parameter", _remove(items_of=("sysctls",))),
    "no-build-privileges": MechanicalFix(
        "removes the option from the build",
        _remove(keys=("privileged",), items_of=("entitlements",)),
    ),
    "no-credential-spec": MechanicalFix("removes the key", _remove(keys=("credential_spec",))),
    "no-custom-cgroup-parent": MechanicalFix("removes the key", _remove(keys=("cgroup_parent",))),
    "no-dangerous-capabilities": MechanicalFix("removes the capability", _CAPABILITY),
    "no-default-bridge": MechanicalFix("removes the key", _remove(keys=("network_mode",))),
    "no-device-cgroup-rules": MechanicalFix(
        "removes the rule", _remove(items_of=("device_cgroup_rules",))
    ),
    "no-docker-socket": MechanicalFix("removes the mount or `use_api_socket`", _SOCKET),
    "no-gpu-admin-features": MechanicalFix(
        "removes the variable or the mount", _remove(items_of=("environment", "volumes"))
    ),
    "no-host-namespaces": MechanicalFix("removes the key", _remove(keys=_NAMESPACES)),
    "no-host-proc-sys-mounts": _READ_ONLY,
    "no-host-service-sockets": MechanicalFix("removes the mount", _remove(items_of=("volumes",))),
    "no-host-system-mounts": _READ_ONLY,
    "no-interactive-services": MechanicalFix(
        "removes the key", _remove(keys=("tty", "stdin_open"))
    ),
    "no-metadata-service": MechanicalFix("removes the entry", _remove(items_of=("extra_hosts",))),
    "no-nvidia-runtime": _RUNTIME,
    "no-oom-protection": MechanicalFix(
        "removes the key", _remove(keys=("oom_kill_disable", "oom_score_adj"))
    ),
    "no-privileged": MechanicalFix("removes `privileged:`", _remove(keys=("privileged",))),
    "no-privileged-hooks": MechanicalFix("removes `privileged:`", _remove(keys=("privileged",))),
    "no-privileged-groups": MechanicalFix("removes the group", _remove(items_of=("group_add",))),
    "no-runtime-config-mounts": _READ_ONLY,
    "no-unconfined-profiles": MechanicalFix(
        "removes the option", _remove(items_of=("security_opt",))
    ),
    "no-unvetted-runtime": _RUNTIME,
    "require-gpu-capability": MechanicalFix("adds the capability `gpu`", _capability),
    "require-no-new-privileges": MechanicalFix("adds the option", _no_new_privileges),
    "require-gpu-driver": MechanicalFix("adds the driver", _driver),
}
"""By policy ID."""
