"""The project of a decision as it is recorded, so that it can be evaluated again.

In: a loaded project, the policy set that decided. Out: JSON with the effective model and the
workloads, and its digest; from that JSON, the project. These values are masked: those of variables
that the files use; all texts in environments, labels, commands, build arguments, contents, options
and other fields that do not configure access to the host; user information and queries of URLs.
Exempt are environment variables that a policy declares in its METADATA, and variables, labels and
annotations that a policy or the parameters of a constraint name, unless the name is that of a
credential. Names of masked values stay, and the recorded project lists their paths. It depends
neither on the review nor on the host, so the same project is recorded once.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from policyd.compose.nodes import Node
from policyd.compose.project import Project
from policyd.errors import AuditError
from policyd.lazy_pattern import lazy_pattern
from policyd.loading import Loaded
from policyd.masked_decision import DEVICE, HOST_FIELDS, SECRET_BELOW, project_names
from policyd.masked_texts import MaskedTexts
from policyd.masking import MASK, is_searched
from policyd.model import Location, NotEvaluated, Path, RecordedInput, Unresolved
from policyd.policies.policy_set import PolicySet
from policyd.workloads.model import Workload

MAX_CONTENT: Final = 256 * 1024
"""Bytes of a compressed project that is recorded. 8 services take about 1,200."""
MAX_JSON: Final = 16 * 1024 * 1024
"""Bytes of a project before it is compressed."""
MAX_LISTED: Final = 200
"""Paths of masked values that are listed; the others are counted."""

_LEVEL: Final = 1
"""The level of zlib: higher levels take twice the time for a tenth less."""
_OPEN_FIELDS: Final = HOST_FIELDS | {
    "container_name", "group_add", "pull_policy", "restart", "stop_signal", "tmpfs",
}  # fmt: skip
"""Fields of a service or job in the model whose texts stay."""
_OPEN_BELOW: Final = frozenset(("driver", "external", "name"))
"""Fields of a network, volume, config or secret whose texts stay."""
_SECRET_OF_WORKLOAD: Final = frozenset(
    ("environment", "labels", "annotations", "options", "extra_hosts", "sysctls", "on_build",
     "run_flags", "dockerfile_inline")
)  # fmt: skip
"""Fields of a workload, or of a part of it, whose texts are masked."""
_FIELDS: Final = tuple(
    (
        field.name,
        field.default_factory()
        if field.default_factory is not msgspec.NODEFAULT
        else field.default,
    )
    for field in msgspec.structs.fields(Workload)
)
"""The fields of a workload with their defaults, NODEFAULT for those that are always set."""
_SECRET_KEYS: Final = tuple(
    b'"options":{"' if name == "options" else f'"{name}":'.encode()
    for name in sorted(_SECRET_OF_WORKLOAD)
)
"""How such a field begins in JSON. Options that are a list stay."""
_NAMED: Final = frozenset(("environment", "labels", "annotations"))
_DOCKERFILE: Final = "dockerfile_inline"
_CREDENTIAL: Final = lazy_pattern("pass|pwd|secret|token|key|cred|auth|private|salt", re.IGNORECASE)
_LITERAL: Final = lazy_pattern(r'"([^"\\\n]{1,200})"')


class RecordedProject(msgspec.Struct, frozen=True, rename="camel"):
    """A project without values.

    `masked` are the first paths of masked values, `masked_more` is the number of others.
    """

    name: str
    tree: dict[str, Any]
    workloads: tuple[Workload, ...]
    unresolved: tuple[tuple[str, Path], ...] = ()
    not_evaluated: tuple[NotEvaluated, ...] = ()
    requested_profiles: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    masked_more: int = 0

    def loaded(self, digest: str) -> Loaded:
        """Return the project as it is evaluated. `digest` is that of its files."""
        project = Project(self.name, "/", self.tree, {}, Node({}, None), {})
        project.not_evaluated = self.not_evaluated
        project.requested_profiles = self.requested_profiles
        project.unresolved = tuple(
            Unresolved(variable, path, Location("")) for variable, path in self.unresolved
        )
        return Loaded(project, self.workloads, self.not_evaluated, digest, ())


class Recorder:
    """Records projects that one policy set decides on."""

    def __init__(self, policy_set: PolicySet) -> None:
        policies = policy_set.policies.values()
        declared = {name for policy in policies for name in policy.environment}
        self._prefixes = tuple(name[:-1] for name in declared if name.endswith("*"))
        self._declared = declared
        literals = {
            text for rego in policy_set.modules.values() for text in _LITERAL.findall(rego)
        } | {text for one in policy_set.constraints for text in _texts(one.parameters)}
        self._named = {text for text in literals if not _CREDENTIAL.search(text)}

    def record(self, loaded: Loaded) -> RecordedInput | None:
        """Return `loaded` as it is recorded, None if it exceeds MAX_CONTENT or MAX_JSON."""
        masking = _Masking(self, loaded)
        project = loaded.project
        tree = masking.tree(project.tree)
        workloads = masking.workloads(loaded.workloads)
        document = {
            "name": project.name,
            "tree": tree,
            "workloads": workloads,
            "unresolved": [(one.variable, masking.path(one.path)) for one in project.unresolved],
            "notEvaluated": [masking.not_evaluated(one) for one in loaded.not_evaluated],
            "requestedProfiles": project.requested_profiles,
            "masked": masking.masked_paths(),
            "maskedMore": masking.number - len(masking.paths),
        }
        try:
            text = msgspec.json.encode(document)
        except (UnicodeEncodeError, OverflowError):
            return None
        content = zlib.compress(text, _LEVEL)
        if len(text) > MAX_JSON or len(content) > MAX_CONTENT:
            return None
        return RecordedInput(f"sha256:{hashlib.sha256(text).hexdigest()}", content)

    def keeps(self, kind: str, name: str) -> bool:
        """Return whether the value that `kind` (environment, labels …) has for `name` stays."""
        if kind in _NAMED and name in self._named:
            return True
        declared = name in self._declared or name.startswith(self._prefixes)
        return kind == "environment" and declared


def read_project(content: bytes, digest: str) -> RecordedProject:
    """Return the project in `content`. Raises AuditError unless its digest is `digest`."""
    try:
        decompressor = zlib.decompressobj()
        text = decompressor.decompress(content, MAX_JSON)
        if f"sha256:{hashlib.sha256(text).hexdigest()}" != digest:
            raise AuditError(f"the recorded input {digest} is not what was recorded")
        return msgspec.json.decode(text, type=RecordedProject)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise AuditError(f"the recorded input {digest} cannot be read: {error}") from error


class _Masking:
    """Masks one project: `number` values so far, of which the first have the `paths`.

    Paths are joined by points, as they are listed. Nearly all that is open has nothing to mask. Its
    JSON shows that in a fraction of the time that it takes to look at each text.
    """

    def __init__(self, recorder: Recorder, loaded: Loaded) -> None:
        project = loaded.project
        public = project_names(project.tree) | {project.name}
        found = (one for one in project.variables - public if is_searched(one))
        values = (one for one in found if not all(map(DEVICE.search, one.split(","))))
        variables = sorted(values, key=len, reverse=True)
        self._numbers = set(variables)
        self._texts = MaskedTexts(variables)
        self._reasons = project.masked_reasons
        self._recorder = recorder
        self.paths: list[str] = []
        self.number = 0

    def tree(self, tree: Mapping[str, Any]) -> dict[str, Any]:
        """Return the effective model without values."""
        return {
            section: self._section(section, entries)
            if isinstance(entries, dict)
            else entries
            if section == "name"
            else self._below(entries, section, secret=True)
            for section, entries in tree.items()
        }

    def workloads(self, workloads: tuple[Workload, ...]) -> list[Any]:
        """Return the workloads without values."""
        return [self._workload(one, f"workloads.{one.name}") for one in workloads]

    def path(self, path: Path) -> Path:
        """Return `path`, whose keys may come from variables."""
        return tuple(self._texts[key] if isinstance(key, str) else key for key in path)

    def masked_paths(self) -> list[str]:
        """Return the `paths`, whose keys may come from variables."""
        texts = self._texts
        return self.paths if texts.stays(self.paths) else list(map(texts.masked, self.paths))

    def not_evaluated(self, part: NotEvaluated) -> NotEvaluated:
        """Return a part that was not evaluated, with the masked form of its reason."""
        reason = self._reasons.get(part.reason, part.reason)
        what = part.what if part.kind == "variable" else self._texts[part.what]
        return msgspec.structs.replace(part, what=what, reason=self._texts[reason], location=None)

    def _section(self, section: str, entries: dict[str, Any]) -> dict[str, Any]:
        if section not in ("services", "jobs"):
            return {
                name: self._fields(value, f"{section}.{name}", _OPEN_BELOW, {})
                for name, value in entries.items()
            }
        return {
            name: self._fields(value, f"{section}.{name}", _OPEN_FIELDS, SECRET_BELOW)
            for name, value in entries.items()
        }

    def _fields(
        self, value: Any, path: str, open_fields: frozenset[str], below: Mapping[str, Any]
    ) -> Any:
        if not isinstance(value, dict):
            return self._below(value, path, secret=True)
        opened = {
            field: child
            for field, child in value.items()
            if field in open_fields and _is_open(field, child, below)
        }
        if opened and not self._texts.stays(opened):
            opened = {}
        masked = {}
        for field, child in value.items():
            if not child or field in opened:
                masked[field] = child
                continue
            secret = below.get(field, ())
            if field in open_fields and isinstance(child, dict) and (secret or field == "build"):
                inside = f"{path}.{field}"
                masked[field] = {
                    key: self._child(inner, inside, key, key in secret or key == _DOCKERFILE)
                    for key, inner in child.items()
                }
            elif field in _NAMED:
                masked[field] = self._entries(field, child, f"{path}.{field}")
            else:
                masked[field] = self._child(child, path, field, field not in open_fields)
        return masked

    def _workload(self, workload: Workload, path: str) -> dict[str, Any]:
        """Return a workload without values."""
        fields = _set_fields(workload)
        opened = {
            key: child
            for key, child in fields.items()
            if not (type(child) is str or key in _SECRET_OF_WORKLOAD or key == "logging")
        }
        kept = opened if self._texts.stays(opened, _SECRET_KEYS) else {}
        others = {key: child for key, child in fields.items() if key not in kept}
        return {**fields, **self._parts(msgspec.to_builtins(others), path)}

    def _parts(self, value: dict[str, Any], path: str) -> dict[str, Any]:
        """Return parts of a workload by their names without values."""
        texts = self._texts
        masked = {}
        for key, child in value.items():
            if not child or child is True:  # nearly all; a call would take longer
                masked[key] = child
            elif key in _SECRET_OF_WORKLOAD and (key != "options" or isinstance(child, dict)):
                masked[key] = self._entries(key, child, f"{path}.{key}")
            elif type(child) is str and texts[child] == child:
                masked[key] = child
            else:
                masked[key] = self._part(child, f"{path}.{key}")
        return masked

    def _part(self, value: Any, path: str) -> Any:
        """Return the part of a workload that is at `path`."""
        if isinstance(value, dict):
            return self._parts(value, path)
        if isinstance(value, list | tuple):
            texts = self._texts
            return [
                child
                if type(child) is str and texts[child] == child
                else self._part(child, f"{path}.{index}")
                for index, child in enumerate(value)
            ]
        return self._leaf(value, path)

    def _entries(self, kind: str, value: Any, path: str) -> Any:
        """Return the values by name of an environment, of labels, of options …"""
        if not isinstance(value, dict):
            return self._below(value, path, secret=True)
        keeps, texts = self._recorder.keeps if kind in _NAMED else None, self._texts
        return {
            texts[name]: child
            if not child or child is True
            else self._child(child, path, name, not (keeps and keeps(kind, name)))
            for name, child in value.items()
        }

    def _below(self, value: Any, path: str, *, secret: bool) -> Any:
        texts = self._texts
        if isinstance(value, dict):
            return {
                texts[key]: child
                if not child
                or child is True
                or (type(child) is str and not secret and texts[child] == child)
                else self._child(child, path, key, secret)
                for key, child in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._child(child, path, index, secret) for index, child in enumerate(value)]
        if secret and value and isinstance(value, str):
            return self._mask(path)
        return self._leaf(value, path)

    def _child(self, value: Any, path: str, key: str | int, secret: bool) -> Any:
        """Return the value at `key` below `path`."""
        if not value or value is True:
            return value
        if secret and isinstance(value, str):
            return self._mask(f"{path}.{key}")
        if isinstance(value, dict | list | tuple):
            return self._below(value, f"{path}.{key}", secret=secret)
        return self._leaf(value, f"{path}.{key}")

    def _leaf(self, value: Any, path: str) -> Any:
        if isinstance(value, str):
            text = self._texts[value]
            if text != value:
                self._mask(path)
            return text
        if isinstance(value, int) and not isinstance(value, bool) and str(value) in self._numbers:
            self._mask(path)
            return 0
        return value

    def _mask(self, path: str) -> str:
        """Note that the value at `path` is masked, and return MASK."""
        self.number += 1
        if self.number <= MAX_LISTED:
            self.paths.append(path)
        return MASK


def _is_open(field: str, child: Any, below: Mapping[str, Any]) -> bool:
    """Return whether `child`, a value of the open `field`, is a list or dict with no secrets."""
    if isinstance(child, dict):
        return field != "build" and child.keys().isdisjoint(below.get(field, ()))
    return isinstance(child, list)


def _set_fields(workload: Workload) -> dict[str, Any]:
    """Return the fields that differ from their defaults, which reading the workload restores."""
    pairs = zip(_FIELDS, msgspec.structs.astuple(workload), strict=True)
    return {
        name: value for (name, default), value in pairs if value is not default and value != default
    }


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for child in value.values():
            yield from _texts(child)
    elif isinstance(value, list | tuple):
        for child in value:
            yield from _texts(child)
