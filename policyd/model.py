"""The types of a review, from the files of a project to the audit record.

In JSON, keys of the envelope are camelCase, as in Kubernetes; keys inside `project` and `workloads`
are snake_case, as in Compose. All types are immutable: each step returns new values.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

API_VERSION = "policyd/v1"

Path = tuple[str | int, ...]
"""A path in the effective model: ("services", "train", "gpus", 0, "count")."""

EnforcementAction = Literal["deny", "warn", "dryrun"]
EnforcementPoint = Literal["cli", "ci", "webhook", "registry", "forge", "daemon"]
FailurePolicy = Literal["Fail", "Ignore"]
"""What follows when policyd itself fails: Fail denies, Ignore allows with a warning."""
Operation = Literal["CHECK", "CREATE", "UPDATE", "DELETE"]
Severity = Literal["critical", "high", "medium", "low"]
UnseenKind = Literal[
    "remote-include", "env-file", "variable", "profiles", "home", "dockerfile", "image"
]
WorkloadKind = Literal["service", "hook", "job"]
Certainty = Literal["certain", "default-runtime", "unknown"]
GrantedDevices = str | tuple[str, ...] | dict[str, int]
"""The devices of a grant: "all", ids or node paths as written, or {"count": n}."""


class Location(msgspec.Struct, frozen=True):
    """A place in a file. `line` and `column` count from 1; 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Unresolved(msgspec.Struct, frozen=True):
    """A variable without a value and without a default, and where it is used.

    `path` is the path of the value in the model, () for a value that is not in the model.
    """

    variable: str
    path: Path
    location: Location


class NotEvaluated(msgspec.Struct, frozen=True):
    """Something that could not be evaluated, and the reason.

    A remote include; an optional env file that does not exist; a variable without a value here;
    profiles that cannot be enabled together; a path in an unknown home folder.
    """

    kind: UnseenKind
    what: str
    reason: str
    location: Location | None = None


# --- what is loaded ------------------------------------------------------------------------------


class Files(Protocol):
    """The files of a bundle, by absolute POSIX path. It gives access to no other files.

    Every method normalises `path` first (no "..", no "//"). Each file is read once, so that the
    same bundle always gives the same answers.
    """

    def read(self, path: str) -> bytes:
        """Return the content of the file at `path`.

        Raises FileNotFoundError and IsADirectoryError, and BundleError when `path` or the target
        of a link is outside the root, or when a limit on size or number is exceeded.
        """

    def kind(self, path: str) -> Literal["file", "directory", ""]:
        """Return what is at `path`: "" for nothing, and for anything outside the root."""

    def display(self, path: str) -> str:
        """Return `path` as messages show it: relative to the root if it is below it."""

    def digest(self) -> str:
        """Return "sha256:…" over the names and contents of all files read so far."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all files read so far, sorted."""

    def shown(self, name: str) -> bytes | None:
        """Return the content of the file that messages call `name`; None if it was not read."""


class ImageConfig(msgspec.Struct, frozen=True):
    """The configuration of an image: its variables, its user ("" is root), its labels.

    `on_build` are the instructions that it adds to a Dockerfile that is built from it. `source` is
    "request" where the caller hands it over, "registry" where it was read there; then `digest` is
    what the reference stood for, and `platform` that of the image, as in linux/amd64.
    """

    environment: dict[str, str] = {}
    user: str = ""
    labels: dict[str, str] = {}
    on_build: tuple[str, ...] = ()
    source: Literal["request", "registry"] = "request"
    digest: str = ""
    platform: str = ""

    def characters(self) -> int:
        """Return how many characters its texts have in all."""
        pairs = (*self.environment.items(), *self.labels.items())
        lengths = (len(name) + len(value) for name, value in pairs)
        return sum(lengths) + sum(map(len, self.on_build)) + len(self.user)


class InspectedImage(msgspec.Struct, frozen=True):
    """An image whose configuration was read from its registry.

    `image` is the reference in the project, `digest` that of the manifest or index that the
    reference stood for, and `platform` that of the image that was read.
    """

    image: str
    platform: str
    digest: str


Missing = Literal["error", "unknown"]


class Bundle(msgspec.Struct, frozen=True):
    """A project's files and the arguments and environment with which Compose would be called.

    Paths are absolute POSIX paths. `compose_files` are the values of `-f`; without any, Compose
    looks for its default names; "-" is standard input. With `profiles` None, COMPOSE_PROFILES
    chooses, as for Compose. An empty tuple enables all profiles in order to evaluate them; errors
    that only their combination causes are ignored. `image_configs` are those that the caller
    knows, by the shortest form of the image's reference. `missing` says what an env file or a
    required variable that is absent is: an error, as for Compose, or unknown: then it is reported
    as not evaluated.
    """

    files: Files
    working_directory: str
    compose_files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    project_directory: str = ""
    project_name: str = ""
    profiles: tuple[str, ...] | None = None
    environment: Mapping[str, str] = {}
    image_configs: Mapping[str, ImageConfig] = {}
    missing: Missing = "error"


# --- the review ----------------------------------------------------------------------------------


class UserInfo(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The user who asks: from the credentials; from the body only if the token permits it."""

    username: str = ""
    groups: tuple[str, ...] = ()


class Caller(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Who sent a request: the owner of its token; of a CI job's token, its `sub` and its `jti`."""

    owner: str
    subject: str = ""
    token_id: str = ""


class Source(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The subject of a review. "" means unknown."""

    repository: str = ""
    ref: str = ""
    commit: str = ""
    environment: str = ""
    host: str = ""


class Review(msgspec.Struct, frozen=True, rename="camel"):
    """The question whether a project may be deployed. `now` is in nanoseconds since the epoch."""

    uid: str
    enforcement_point: EnforcementPoint
    now: int
    operation: Operation = "CHECK"
    dry_run: bool = False
    user_info: UserInfo = UserInfo()
    source: Source = Source()


# --- the decision ------------------------------------------------------------------------------


class Finding(msgspec.Struct, frozen=True):
    """One violation as a policy reports it.

    `constraint` is "" unless the policy names one, `remediation` is "" for that of the policy.
    """

    policy: str
    msg: str
    service: str = ""
    path: Path = ()
    constraint: str = ""
    remediation: str = ""

    def __post_init__(self) -> None:
        # A policy may report the name of a hook's workload, web/pre_start/0: constraints and
        # exceptions match the service.
        if "/" in self.service:
            msgspec.structs.force_setattr(self, "service", self.service.partition("/")[0])


class Grant(msgspec.Struct, frozen=True, omit_defaults=True):
    """One way by which a workload gets an accelerator, all declarations of it together.

    `service` is the name of the service or of the job; a hook has the name of its service.
    `schedule` holds the cron expressions that start a job. `identities` are the devices in the form
    in which they can be compared, those of a count included: empty where they are not known, None
    in events of versions that did not record them. `aliases` are the other names of identities on
    a host that the inventory has. `exceptions` are those without which the grant would be denied,
    `entitlements` those that cover it, `constraints` those that could have denied it; None in
    events of versions that did not record them. `expires` is when the grant ends by itself, RFC
    3339 in UTC with nanoseconds, "" for never.
    """

    service: str
    vendor: str
    method: str
    devices: GrantedDevices
    replicas: int
    path: Path
    kind: WorkloadKind = "service"
    hook: int | None = None
    certainty: Certainty = "certain"
    schedule: tuple[str, ...] = ()
    identities: tuple[str, ...] | None = None
    aliases: dict[str, tuple[str, ...]] = {}
    exceptions: tuple[str, ...] = ()
    entitlements: tuple[str, ...] | None = None
    constraints: tuple[str, ...] | None = None
    expires: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle this without defaults: msgspec, which omits them, knows them by their identity."""
        names, defaults = self.__struct_fields__, self.__struct_defaults__
        known = dict(zip(names[-len(defaults) :], defaults, strict=True))
        values = ((name, getattr(self, name)) for name in names)
        given = {name: value for name, value in values if name not in known or value != known[name]}
        return functools.partial(Grant, **given), ()


class Findings(msgspec.Struct, frozen=True):
    """The result of an engine: the findings of the policies."""

    findings: tuple[Finding, ...]


class Violation(msgspec.Struct, frozen=True, rename="camel"):
    """A finding that a constraint reports, with its location, action and remediation."""

    policy: str
    constraint: str
    enforcement_action: EnforcementAction
    severity: Severity
    message: str
    remediation: str
    service: str = ""
    path: Path = ()
    location: Location | None = None


class Exempted(Violation, frozen=True, rename="camel"):
    """A violation that an exception exempts: which exception, approved by whom, until when."""

    exception: str = ""
    owner: str = ""
    reason: str = ""
    approved_by: str = ""
    expires: str = ""
    days_left: int = 0
    break_glass: bool = False


class PolicySetRevision(msgspec.Struct, frozen=True, rename="camel"):
    """The policy set that decided: its name and the digest of its content ("sha256:…")."""

    name: str
    revision: str


class Status(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """As in an AdmissionReview: 200 OK, 403 Forbidden, 422 Invalid (Compose would refuse it).

    `location` is the place of the error if it has one; the message then starts with it.
    """

    code: int
    reason: str
    message: str
    location: Location | None = None

    @property
    def sentence(self) -> str:
        """The message without its location."""
        return self.message.removeprefix(f"{self.location}: ") if self.location else self.message


class Decision(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a review. `violations` includes those of the actions warn and dryrun.

    `images` are those whose configurations were read from registries.
    """

    uid: str
    allowed: bool
    status: Status
    violations: tuple[Violation, ...] = ()
    warnings: tuple[str, ...] = ()
    exempted: tuple[Exempted, ...] = ()
    grants: tuple[Grant, ...] = ()
    not_evaluated: tuple[NotEvaluated, ...] = ()
    images: tuple[InspectedImage, ...] = ()
    audit_annotations: dict[str, str] = {}
    policy_set: PolicySetRevision | None = None
    engine: str = ""
    decision_id: str = ""
    project: str = ""
    bundle_digest: str = ""
    compose_version: str = ""


class Undecided(msgspec.Struct, frozen=True):
    """A path for which there is no decision, and the reason."""

    source: str
    reason: str


class AuditRecord(msgspec.Struct, frozen=True, rename="camel"):
    """One event of the audit log. `hash` covers `prev_hash` and `payload`, its exact text."""

    sequence: int
    time: str
    kind: str
    payload: str
    prev_hash: str
    hash: str


class RecordedInput(msgspec.Struct, frozen=True):
    """The project of a decision, without values, as compressed JSON.

    `digest` is "sha256:…" over the JSON. `content` is b"" where it was recorded before.
    """

    digest: str
    content: bytes


def to_json(value: Any) -> bytes:
    """Return `value` (structs, mappings, sequences, scalars) as JSON text."""
    return msgspec.json.encode(value)
