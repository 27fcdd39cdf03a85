"""The types that a review passes through, from files to the audit record.

Keys of our own envelope are camelCase in JSON, as in Kubernetes; keys inside `project` and
`workloads` are snake_case, as in Compose. Everything here is frozen: a step makes a new value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

API_VERSION = "policyd/v1"

Path = tuple[str | int, ...]
"""Where something stands in the effective model: ("services", "train", "gpus", 0, "count")."""

EnforcementAction = Literal["deny", "warn", "dryrun"]
EnforcementPoint = Literal["cli", "ci", "webhook", "registry", "forge", "daemon"]
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
    """A place in a file of the bundle; `line` and `column` count from 1, 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Unresolved(msgspec.Struct, frozen=True):
    """A variable without a value and without a default, and where it was used.

    `path` is that of the value in the model, () for a text that did not come into the model.
    """

    variable: str
    path: Path
    location: Location


class NotEvaluated(msgspec.Struct, frozen=True):
    """Something that could not be looked at, and why.

    A remote include; an optional env file that is not there; a variable that has no value here;
    profiles that do not fit together; a path in a home folder that is not known.
    """

    kind: UnseenKind
    what: str
    reason: str
    location: Location | None = None


# --- what is loaded ------------------------------------------------------------------------------


class Files(Protocol):
    """The files of a bundle, by absolute POSIX path; nothing else can be read through it.

    Every method normalises `path` first (no "..", no "//"). What was read once is remembered, so
    that the same bundle always gives the same answer.
    """

    def read(self, path: str) -> bytes:
        """Return the content of the file at `path`.

        Raises FileNotFoundError, IsADirectoryError, or BundleError when `path` (or what a link
        there points to) lies outside the root, or a limit on size or number is passed.
        """

    def kind(self, path: str) -> Literal["file", "directory", ""]:
        """Say what is at `path`: "" for nothing, and for anything outside the root."""

    def display(self, path: str) -> str:
        """Return `path` as messages show it: relative to the root where it lies below it."""

    def digest(self) -> str:
        """Return "sha256:…" over names and contents of all that was read so far."""

    def names(self) -> tuple[str, ...]:
        """Return the names of the files that were read so far, sorted."""


class Bundle(msgspec.Struct, frozen=True):
    """A project's files and everything a caller of Compose would have said about them.

    Paths are absolute POSIX paths. `compose_files` is the `-f` list, possibly empty (discovery) and
    possibly with "-" (standard input, whose text is `stdin`). `profiles` None leaves the choice to
    COMPOSE_PROFILES, as Compose does; an empty tuple turns every profile on in order to judge it,
    and what goes wrong only because several are on together is not an error. `environment` is the
    caller's, as handed over.
    """

    files: Files
    working_directory: str
    compose_files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    project_directory: str = ""
    project_name: str = ""
    profiles: tuple[str, ...] | None = None
    environment: Mapping[str, str] = {}
    stdin: bytes | None = None


# --- who asks ------------------------------------------------------------------------------------


class UserInfo(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Who asks: taken from credentials, never from the body, unless the token speaks for others."""

    username: str = ""
    groups: tuple[str, ...] = ()


class Source(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What the review is about. "" means unknown."""

    repository: str = ""
    ref: str = ""
    commit: str = ""
    environment: str = ""
    host: str = ""


class Review(msgspec.Struct, frozen=True, rename="camel"):
    """One question: may this project be deployed? `now` is in nanoseconds since the epoch."""

    uid: str
    enforcement_point: EnforcementPoint
    now: int
    operation: Operation = "CHECK"
    dry_run: bool = False
    user_info: UserInfo = UserInfo()
    source: Source = Source()


# --- what was found ------------------------------------------------------------------------------


class Finding(msgspec.Struct, frozen=True):
    """One violation as Rego reported it.

    `constraint` is "" unless the policy named one, `remediation` is "" for that of the policy.
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


class Findings(msgspec.Struct, frozen=True):
    """What an engine answered: violations of the policies that were on, and all grants."""

    findings: tuple[Finding, ...]
    grants: tuple[Grant, ...]


class Violation(msgspec.Struct, frozen=True, rename="camel"):
    """A finding under a constraint: what it is, where, what is done about it, how to mend it."""

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
    """A violation that an exception sets aside: which one, on whose word, for how long."""

    exception: str = ""
    owner: str = ""
    reason: str = ""
    approved_by: str = ""
    expires: str = ""
    days_left: int = 0
    break_glass: bool = False


class PolicySetRevision(msgspec.Struct, frozen=True, rename="camel"):
    """Which rule book decided: its name and the digest of all that it holds ("sha256:…")."""

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
    """The answer to a review. `violations` holds those of every enforcement action."""

    uid: str
    allowed: bool
    status: Status
    violations: tuple[Violation, ...] = ()
    warnings: tuple[str, ...] = ()
    exempted: tuple[Exempted, ...] = ()
    grants: tuple[Grant, ...] = ()
    not_evaluated: tuple[NotEvaluated, ...] = ()
    audit_annotations: dict[str, str] = {}
    policy_set: PolicySetRevision | None = None
    engine: str = ""
    decision_id: str = ""
    project: str = ""
    bundle_digest: str = ""


class AuditRecord(msgspec.Struct, frozen=True, rename="camel"):
    """One event of the audit log: `payload` is its exact text, `hash` covers `prev_hash` and it."""

    sequence: int
    time: str
    kind: str
    payload: str
    prev_hash: str
    hash: str


def to_json(value: Any) -> bytes:
    """Return `value` (structs, mappings, sequences, scalars) as JSON text."""
    return msgspec.json.encode(value)
