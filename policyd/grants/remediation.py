"""How to fix a violation, by the method and the vendor of the grant that it is about.

In: a policy, a workload with its grants, and the path of the violation. Out: a sentence, or "" for
the remediation in the METADATA of the policy. A fix that is applied literally ends the violation,
violates no other policy of the default set, and the container still gets its device; where there is
no such fix, the sentence says that only an exception helps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from policyd.grants import cdi, requests
from policyd.grants.tables import Tables
from policyd.lazy_pattern import lazy_pattern
from policyd.model import Path
from policyd.workloads.model import DeviceRequest, GrantDeclaration, Workload

_VOID: Final = "set `NVIDIA_VISIBLE_DEVICES: void` where no GPU is needed"
_JETSON_IMAGE: Final = lazy_pattern("l4t|jetson", re.IGNORECASE)
_ASCEND_NODE: Final = lazy_pattern(r"/dev/(davinci|vdavinci|devmm_svm|hisi_hdc)")
_DRM_NODE: Final = lazy_pattern(r"/dev/(dri(/|$)|char/226:)")
_WORKLOAD_DEPTHS: Final = (4, 2)
"""Lengths of the paths of hooks, and of services and jobs."""
_FOLDERS: Final = frozenset({"/", "/dev", "/dev/char"})


class Remediations:
    """Finds the remediations of the violations by one project."""

    def __init__(self, workloads: Iterable[Workload], tables: Tables) -> None:
        """Know `workloads` with their grants, and the families and variables of `tables`."""
        self._tables = tables
        self._workloads: dict[Path, Workload] = {}
        self._grants: dict[Path, GrantDeclaration] = {}
        self._requests: dict[Path, DeviceRequest] = {}
        for workload in workloads:
            self._workloads[workload.path] = workload
            for grant in workload.grants:
                self._grants.setdefault(grant.path, grant)
            for request in workload.device_requests:
                self._requests[request.path] = request

    def find(self, policy: str, path: Path) -> str:
        """Return the remediation of the violation of `policy` at `path`.

        "" if that of the policy fits.
        """
        text = _TEXTS.get(policy)
        if text is None:
            return ""
        places = (path[:length] for length in _WORKLOAD_DEPTHS)
        workload = next((self._workloads[one] for one in places if one in self._workloads), None)
        if workload is None:
            return ""
        request = self._requests.get(path) or self._requests.get(path[:-1])
        return text(_Case(workload, path, self._grants.get(path), request, self._tables))


class _Case:
    """A violation: the workload, its path, the grant and the device request there, the tables."""

    def __init__(
        self,
        workload: Workload,
        path: Path,
        grant: GrantDeclaration | None,
        request: DeviceRequest | None,
        tables: Tables,
    ) -> None:
        self.workload = workload
        self.keys = path[len(workload.path) :]
        self.grant = grant
        self.request = request
        self.selector = next((one for one in workload.selectors if one.path == path), None)
        self.tables = tables

    @property
    def place(self) -> str:
        """The path of the violation below the workload, as globs of exceptions write it."""
        return "/".join(map(str, self.keys))

    @property
    def reservation(self) -> str:
        """How the workload declares one NVIDIA GPU."""
        return f"{self._declaration}: `driver: nvidia` with `device_ids: ['0']`"

    @property
    def amd_reservation(self) -> str:
        """How the workload declares one AMD GPU."""
        return (
            f"{self._declaration}: `driver: amd` with `device_ids: ['0']`, or with the CDI name "
            f"in `devices: ['amd.com/gpu=0']`"
        )

    @property
    def _declaration(self) -> str:
        """The kind of device request that the workload can have: only services have `deploy`."""
        return "a reservation" if self.workload.kind == "service" else "an entry of `gpus:`"

    @property
    def has_request(self) -> bool:
        """Whether a reservation or gpus entry of the workload selects something."""
        inherited = self.workload.inherited
        others = inherited.device_requests if inherited else ()
        return any(
            requests.selects(request, self.tables)
            for request in (*self.workload.device_requests, *others)
        )

    @property
    def is_on_jetson(self) -> bool:
        """Whether the image is made for a Jetson."""
        build = self.workload.build
        return _JETSON_IMAGE.search(build.base if build else self.workload.image) is not None

    @property
    def cdi_device(self) -> str:
        """One device of the kind that the first CDI name of the grant has."""
        names = cdi.names(self.grant.text.partition(": ")[2].split(",")) if self.grant else []
        return f"{cdi.kind(names[0])}=0" if names else "nvidia.com/gpu=0"

    @property
    def family(self) -> str:
        """The family of the variable or of the runtime that the violation is about."""
        if self.selector is not None:
            return self.selector.family
        return self.grant.family if self.grant else self.workload.runtime_class

    @property
    def variable(self) -> str:
        """The variable by which a runtime of the family is told its devices."""
        variables = self.tables.variables
        return next((name for name, owner in variables.items() if owner == self.family), "")

    def exception(self, key: str = "") -> str:
        """Return how to ask for an exception for what stands at `key` of the workload."""
        place = "/".join(map(str, self.workload.path))
        return (
            f"ask the owners of the policy set for an exception for "
            f"`paths: ['{place}/{key or '**'}']`"
        )


def _all_gpus(case: _Case) -> str:
    grant = case.grant
    if grant is None:
        return ""
    if grant.method == "cdi":
        return _one_cdi_device(case, grant)
    if grant.method == "mount":
        return _volume_request(case)
    if grant.method == "runtime":
        return _all_by_runtime(case, grant)
    if grant.method in ("environment", "image"):
        return _all_by_environment(case, grant)
    return _all_by_request(case, grant)


def _all_by_request(case: _Case, grant: GrantDeclaration) -> str:
    if grant.vendor in ("nvidia", "amd"):
        return f"Name the GPUs: `device_ids: ['0']` with `driver: {grant.vendor}`."
    if case.request is None or not case.request.driver:
        return "Name the GPUs and their driver: `device_ids: ['0']` with `driver: nvidia` (or amd)."
    return (
        f"Use a CDI name of the vendor in `devices:` that names one device; "
        f"if there is none, {case.exception()}."
    )


def _one_cdi_device(case: _Case, grant: GrantDeclaration) -> str:
    if grant.form == "device_ids":
        return f"Name the device in the same entry: `device_ids: ['{case.cdi_device}']`."
    if grant.form == "annotations":
        return f"Remove the annotation and name the device: `devices: ['{case.cdi_device}']`."
    return f"Name the device: `devices: ['{case.cdi_device}']`."


def _all_by_runtime(case: _Case, grant: GrantDeclaration) -> str:
    if grant.family == "nvidia":
        return _nvidia_runtime(case)
    return f"Name the devices: `{case.variable}: '0'`."


def _all_by_environment(case: _Case, grant: GrantDeclaration) -> str:
    if grant.vendor == "nvidia":
        return _environment(case)
    elsewhere = "" if grant.family in ("amd", "habana") else "; set it to `void` elsewhere"
    return f"Name the devices: `{case.variable}: '0'`{elsewhere}."


def _nvidia_runtime(case: _Case) -> str:
    if case.has_request:
        return (
            "Remove `runtime:`, because the device request already gives the GPUs "
            "(or set `NVIDIA_VISIBLE_DEVICES: void`)."
        )
    jetson = (
        f"keep the runtime, name the GPU with `NVIDIA_VISIBLE_DEVICES: '0'`, and "
        f"{case.exception('runtime')}"
    )
    if case.is_on_jetson:
        return f"On a Jetson the runtime is the only way to the GPU: {jetson}."
    return f"Replace `runtime:` with {case.reservation}. Only on a Jetson, {jetson}."


def _unvetted_runtime(case: _Case) -> str:
    if case.workload.runtime_class == "amd":
        return f"Replace `runtime:` with {case.amd_reservation}."
    if not case.variable:
        return ""
    return (
        f"Docker has no driver that replaces this runtime: keep it with "
        f"`{case.variable}: '0'`, and {case.exception('runtime')}."
    )


def _environment(case: _Case) -> str:
    grant = case.grant
    if grant is not None and (grant.method == "image" or grant.form == "legacy-image"):
        return f"Declare the GPU as {case.reservation}; {_VOID}."
    if case.family == "nvidia":
        return f"Remove the variable and declare the GPU as {case.reservation}; {_VOID}."
    if case.family == "amd":
        return f"Remove the variable and declare the GPU as {case.amd_reservation}."
    if not case.variable:
        return ""
    elsewhere = "remove it" if case.family == "habana" else "set it to `void`"
    return (
        f"Docker has no driver that replaces the variable: select with `{case.variable}: '0'`, and "
        f"{case.exception(case.place)}; {elsewhere} where no device is needed."
    )


def _unresolved(case: _Case) -> str:
    if case.keys[:1] == ("runtime",):
        return (
            f"Write the name of a vetted runtime, as in `runtime: runc`, or remove `runtime:`; "
            f"declare a GPU as {case.reservation}."
        )
    if case.selector is None:
        return ""
    if not case.selector.steers:
        return _environment(case)
    if case.family in ("nvidia", "amd"):
        replacing = case.reservation if case.family == "nvidia" else case.amd_reservation
        return f"Replace the variable and `runtime:` with {replacing}."
    return f"Write the value: `{case.variable}: '0'`."


def _driver(case: _Case) -> str:
    if case.request is None:
        return ""
    vendor = requests.vendor_of(case.request, case.tables)
    return f"Add `driver: {'amd' if vendor == 'amd' else 'nvidia'}`."


def _cgroup_rule(case: _Case) -> str:
    if case.grant is not None and case.grant.vendor == "nvidia":
        return f"Remove the rule and declare the GPU as {case.reservation}."
    return (
        f"Remove the rule. Declare a GPU as {case.reservation} (or of AMD: `driver: amd`). For a "
        f"device that no driver of Docker gives, {case.exception(case.place)}."
    )


def _build(case: _Case) -> str:
    vendor = case.grant.vendor if case.grant is not None and case.grant.form == "devices" else ""
    declared = {
        "": case.reservation,
        "nvidia": case.reservation,
        "amd": case.amd_reservation,
    }.get(vendor, f"`devices: ['{case.cdi_device}']`")
    return (
        f"Remove the option from the build, and run the step that needs the device in a container "
        f"that declares it as {declared}."
    )


def _without_privileges(case: _Case) -> str:
    return f"Remove `privileged: true`, and declare a GPU that is needed as {case.reservation}."


def _volume_request(case: _Case) -> str:
    if case.grant is not None and case.grant.vendor != "nvidia":
        return f"Remove the mount and name the device: `devices: ['{case.cdi_device}']`."
    return f"Remove the mount and declare the GPU as {case.reservation}."


def _annotation(case: _Case) -> str:
    return f"Move the CDI name to `devices:`, as in `devices: ['{case.cdi_device}']`."


def _vendor(case: _Case) -> str:
    if case.grant is not None:
        return (
            f"Use a CDI name of a known vendor, have the vendor added to "
            f"`policyd.tables.cdi_vendors` of the policy set, or {case.exception(case.place)}."
        )
    return (
        f"Use a CDI name of a known vendor in `devices:`, have the driver added to the tables of "
        f"the policy set, or {case.exception()}."
    )


def _node(case: _Case) -> str:
    grant = case.grant
    if grant is None:
        return ""
    what = "mount" if grant.method == "mount" else "device node"
    key = "volumes/**" if grant.method == "mount" else "devices/**"
    if grant.text in _FOLDERS:
        return (
            f"Remove the folder and declare the one device as {case.reservation}; "
            f"if nothing declares it, {case.exception(key)}."
        )
    if grant.vendor == "nvidia":
        return f"Replace the {what} with {case.reservation}."
    if grant.vendor == "amd":
        return f"Replace the {what} with {case.amd_reservation}."
    if _DRM_NODE.match(grant.text):
        return (
            f"Replace the {what}: for an Intel GPU with its CDI name in `devices:` "
            f"(`intel.com/gpu=…`), for an AMD GPU with {case.amd_reservation}; otherwise "
            f"{case.exception(key)}."
        )
    if _ASCEND_NODE.match(grant.text):
        return (
            f"Replace the {what} with `runtime: ascend` and `ASCEND_VISIBLE_DEVICES: '0'`, and "
            f"{case.exception('runtime')}."
        )
    return f"Nothing replaces this {what}: {case.exception(key)}."


_TEXTS: Final[Mapping[str, Callable[[_Case], str]]] = {
    "no-all-gpus": _all_gpus,
    "no-nvidia-runtime": _nvidia_runtime,
    "no-unvetted-runtime": _unvetted_runtime,
    "no-gpu-via-environment": _environment,
    "no-gpu-via-volume-request": _volume_request,
    "no-gpu-via-annotations": _annotation,
    "no-raw-device-nodes": _node,
    "no-host-dev-mounts": _node,
    "known-accelerator-vendor": _vendor,
    "require-gpu-driver": _driver,
    "no-unresolved-gpu-selection": _unresolved,
    "no-device-cgroup-rules": _cgroup_rule,
    "no-build-privileges": _build,
    "no-privileged": _without_privileges,
}
