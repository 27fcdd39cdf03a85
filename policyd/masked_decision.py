"""Return a decision as it is recorded: it names paths and kinds, never values of the project.

In: a decision, the project that it is about, the policies. Out: the same decision, whose texts have
none of these values: of variables that the project uses; of environments, labels, commands, build
arguments, contents and extensions; user information and queries of URLs. A message of a policy that
quotes such a value is replaced by the policy's title. Literal values that configure access to the
host (images, mounts, devices, capabilities, runtimes) stay, and so do names, the devices of grants
and variables that a policy declares in its METADATA, because these are what an audit asks for.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, TypeVar

import msgspec

from policyd.lazy_pattern import lazy_pattern
from policyd.loading import Loaded, NotLoaded
from policyd.masking import MASK, Values, is_searched, without_credentials
from policyd.model import Decision, Grant, NotEvaluated, Path, Status, Violation
from policyd.policies.packs import Policy
from policyd.workloads.model import Workload

HOST_FIELDS: Final = frozenset(
    (
        "build", "cap_add", "cap_drop", "cgroup", "cgroup_parent", "depends_on", "deploy",
        "device_cgroup_rules", "devices", "gpus", "group_add", "image", "ipc", "network_mode",
        "networks", "pid", "platform", "ports", "privileged", "profiles", "provider", "restart",
        "runtime", "security_opt", "sysctls", "tmpfs", "user", "userns_mode", "uts", "volumes",
        "volumes_from",
    )
)  # fmt: skip
"""Fields of a service or job whose literal values may be recorded."""
SECRET_BELOW: Final = {
    "build": ("additional_contexts", "args", "cache_from", "cache_to", "labels", "ssh", "tags"),
    "deploy": ("labels",),
    "provider": ("options",),
}
"""Their parts whose values may not."""
DEVICE: Final = lazy_pattern(
    r"(?:^|[:=,/])(?:\d{1,3}(?::\d{1,3})?|all|mig[\d:]+|(?:GPU|MIG)-[0-9a-f/-]+)$|^/dev/",
    re.IGNORECASE,
)
"""A device as it is named by an index, an UUID or a path."""
_DECIDED: Final = (200, 403)
"""Status codes of decisions by policies: their messages name policies and places."""
_ERROR: Final = "the decision failed with an error that quotes a value of the project"
_FAILURE: Final = "no policy was evaluated: the error quotes a value of the project"

V = TypeVar("V", bound=Violation)


def masked_decision(
    decision: Decision, loaded: Loaded | NotLoaded, policies: Mapping[str, Policy]
) -> Decision:
    """Return `decision` on the project `loaded` without values. `policies` are those by id."""
    if isinstance(loaded, NotLoaded):
        return msgspec.structs.replace(
            decision, status=msgspec.structs.replace(decision.status, message=loaded.error.masked)
        )
    masking = _Masking(decision, loaded, policies)
    violations = tuple(map(masking.violation, decision.violations))
    exempted = tuple(map(masking.violation, decision.exempted))
    return msgspec.structs.replace(
        decision,
        status=masking.status(decision.status),
        violations=violations,
        exempted=exempted,
        warnings=_warnings(decision, violations)
        if "failure" not in decision.audit_annotations
        else tuple(map(masking.failure, decision.warnings)),
        grants=tuple(map(masking.grant, decision.grants)),
        not_evaluated=tuple(map(masking.not_evaluated, decision.not_evaluated)),
        images=tuple(
            msgspec.structs.replace(one, image=masking.name(one.image)) for one in decision.images
        ),
    )


class _Masking:
    """Masks the texts of one decision. The values are collected when the first is needed."""

    def __init__(self, decision: Decision, loaded: Loaded, policies: Mapping[str, Policy]) -> None:
        self._decision = decision
        self._loaded = loaded
        self._policies = policies
        self._found: Values | None = None
        variables = loaded.project.variables - project_names(loaded.project.tree)
        self._variables = sorted(filter(is_searched, variables), key=len, reverse=True)
        self._checked: dict[str, bool] = {}
        self._declared = {name for policy in policies.values() for name in policy.environment}

    def violation(self, found: V) -> V:
        """Return a violation without values: with the title and remediation of its policy."""
        policy = self._policies.get(found.policy)
        return msgspec.structs.replace(
            found,
            message=self._prose(found.message, policy.title if policy else found.policy),
            remediation=self._prose(found.remediation, policy.remediation if policy else ""),
            service=found.service if not self._quotes(found.service) else MASK,
            path=self._path(found.path),
        )

    def status(self, status: Status) -> Status:
        """Return the status. Only that of an error may quote a value."""
        if status.code in _DECIDED:
            return status
        return msgspec.structs.replace(status, message=self._prose(status.message, _ERROR))

    def failure(self, warning: str) -> str:
        """Return the warning that policyd failed. It may quote what an engine reported."""
        return self._prose(warning, _FAILURE)

    def grant(self, grant: Grant) -> Grant:
        """Return the grant. A variable that is not a device is masked."""
        devices = grant.devices
        if isinstance(devices, tuple):
            devices = tuple(map(self._device, devices))
        return msgspec.structs.replace(
            grant,
            devices=devices,
            identities=None
            if grant.identities is None
            else tuple(map(self._device, grant.identities)),
            path=self._path(grant.path),
        )

    def _device(self, device: str) -> str:
        return device if DEVICE.search(device) else self.name(device)

    def not_evaluated(self, part: NotEvaluated) -> NotEvaluated:
        """Return a part that was not evaluated, with the masked form of its reason."""
        reason = self._loaded.project.masked_reasons.get(part.reason, part.reason)
        what = part.what if part.kind == "variable" else self.name(part.what)
        return msgspec.structs.replace(part, what=what, reason=self.name(reason))

    def name(self, name: str) -> str:
        """Return a path or name without values of variables and credentials."""
        for value in self._variables:
            name = name.replace(value, MASK)
        return without_credentials(name)

    def _prose(self, text: str, otherwise: str) -> str:
        return otherwise if self._quotes(text) else without_credentials(text)

    def _path(self, path: Path) -> Path:
        """Return `path`, whose keys that are not names of the model are masked.

        Keys of lists, such as environments, come from values: they may contain variables.
        """
        below: Any = self._loaded.project.tree
        masked: list[str | int] = []
        for key in path:
            known = isinstance(below, dict) and key in below
            below = below[key] if known or (isinstance(key, int) and _has(below, key)) else None
            shown = self.name(key) if isinstance(key, str) and len(masked) > 1 else key
            masked.append(
                shown if known or isinstance(key, int) or not self._quotes(str(key)) else MASK
            )
        return tuple(masked)

    def _quotes(self, text: str) -> bool:
        if text not in self._checked:
            self._checked[text] = bool(text) and self._values.occur_in(text)
        return self._checked[text]

    @property
    def _values(self) -> Values:
        if self._found is None:
            tree = self._loaded.project.tree
            environments = [
                *itertools.chain.from_iterable(map(_environments, self._loaded.workloads))
            ]
            # A policy may declare in its METADATA that it reads a variable.
            declared = {
                name
                for name in set().union(*environments)
                if any(fnmatchcase(name, pattern) for pattern in self._declared)
            }
            found = (
                *self._variables,
                *_values(tree),
                *(
                    value
                    for environment in environments
                    for name, value in environment.items()
                    if value is not None and name not in declared
                ),
            )
            public = {*project_names(tree), *_devices(self._decision), self._loaded.project.name}
            self._found = Values(found, public)
        return self._found


def _warnings(decision: Decision, masked: tuple[Violation, ...]) -> tuple[str, ...]:
    """Return the warnings of `decision`, of which the last are about violations, in their order."""
    warnings = list(decision.warnings)
    pairs = zip(decision.violations, masked, strict=True)
    warned = [pair for pair in pairs if pair[0].enforcement_action == "warn"]
    for index, (found, shown) in enumerate(reversed(warned)):
        at = len(warnings) - 1 - index
        if at >= 0 and found.message != shown.message:
            warnings[at] = warnings[at].removesuffix(found.message) + shown.message
    return tuple(warnings)


def _has(value: Any, index: int) -> bool:
    return isinstance(value, list) and 0 <= index < len(value)


def project_names(tree: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of services, jobs and resources: they are parts of paths."""
    return frozenset(
        name for section in tree.values() if isinstance(section, dict) for name in section
    )


def _devices(decision: Decision) -> Iterator[str]:
    for grant in decision.grants:
        if isinstance(grant.devices, str):
            yield grant.devices
        else:
            devices = [device for device in grant.devices if DEVICE.search(device)]
            yield from devices
            yield ",".join(devices)
        yield from filter(DEVICE.search, grant.identities or ())
        for others in grant.aliases.values():
            yield from others


def _values(tree: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values of the model that must not be recorded."""
    for section, entries in tree.items():
        if section not in ("services", "jobs") or not isinstance(entries, dict):
            yield from _texts(entries)
            continue
        for container in entries.values():
            for field, value in container.items() if isinstance(container, dict) else ():
                if field == "environment":
                    continue  # the workloads have it
                if field not in HOST_FIELDS:
                    yield from _texts(value)
                elif isinstance(value, dict):
                    yield from _texts([value.get(key) for key in SECRET_BELOW.get(field, ())])
                    yield from _instructions(value.get("dockerfile_inline"))


def _instructions(dockerfile: Any) -> Iterator[str]:
    """Yield the lines of a Dockerfile but FROM, which names an image."""
    if isinstance(dockerfile, str):
        for line in dockerfile.splitlines():
            if not line.lstrip().upper().startswith("FROM"):
                yield line


def _environments(workload: Workload) -> Iterator[Mapping[str, str | None]]:
    """Yield the variables that a workload has from all sources, and the labels of its image."""
    yield workload.environment
    for hook in workload.hooks:
        yield hook.environment
    if workload.inherited is not None:
        yield workload.inherited.environment
    if workload.image_config is not None:
        yield workload.image_config.environment
        yield workload.image_config.labels
    if workload.build is not None:
        yield workload.build.environment


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts and numbers at and below `value`."""
    if isinstance(value, dict):
        for child in value.values():
            yield from _texts(child)
    elif isinstance(value, list):
        for child in value:
            yield from _texts(child)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
