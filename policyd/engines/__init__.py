"""Rego engines: each evaluates an input document and returns findings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from policyd.errors import EngineError, EngineUnavailable, PolicydError, ReviewTimeout
from policyd.model import Finding, Findings

if TYPE_CHECKING:
    from policyd.policies.policy_set import PolicySet

QUERY: Final = "data.policyd.main.result"
"""The query that every engine evaluates."""

EMPTY_INPUT: Final = (
    b'{"review": {}, "constraints": {}, "workloads": [], "project": {}, "unresolved": [],'
    b' "notEvaluated": [], "requestedProfiles": []}'
)
"""An input document without workloads and constraints, to probe an engine with."""

DEADLINE: Final = 5.0
"""Seconds that an evaluation may take: a thousand times what a usual one takes."""

LEAST_SHARE: Final = 0.8
"""The share of its time limit that an evaluation must have had to be called endless."""

_DECODER: Final = msgspec.json.Decoder(Findings)


class Engine(Protocol):
    """Evaluates QUERY on an input document. Threads may share an engine."""

    @property
    def name(self) -> str:
        """The name of the engine in ENGINES; decisions carry it."""

    def findings(self, review_input: bytes) -> Findings:
        """Return the findings and grants for `review_input`, a PolicyInput as JSON.

        Raises EngineError when the engine fails, exceeds its deadline or returns no result, and
        OtherRevision when it holds another policy set.
        """

    def close(self) -> None:
        """Release threads and connections. An engine may be closed twice."""


class EngineOptions(msgspec.Struct, frozen=True):
    """The settings of an engine. `deadline` is in seconds.

    `isolated` asks for processes of its own, which protect a service from its policies. `url`,
    `token` and `ca_file` are for engines that are servers.
    """

    deadline: float = DEADLINE
    isolated: bool = False
    url: str = ""
    token: str = ""
    ca_file: str = ""


class EngineKind(msgspec.Struct, frozen=True):
    """An implementation. `create` raises ConfigError for options that do not fit.

    `kept_policy_sets` says how many policy sets a worker keeps, the one in force included: a
    server that loads policy sets on its own schedule may hold an earlier one for a while.
    """

    create: Callable[[PolicySet, EngineOptions], Engine]
    kept_policy_sets: int


def _embedded(policy_set: PolicySet, options: EngineOptions) -> Engine:
    if options.isolated:
        from policyd.engines import isolated

        return isolated.create(policy_set, options)
    from policyd.engines import embedded

    return embedded.create(policy_set, options)


def _opa(policy_set: PolicySet, options: EngineOptions) -> Engine:
    from policyd.engines.opa import create

    return create(policy_set, options)


ENGINES: Final[dict[str, EngineKind]] = {
    "embedded": EngineKind(_embedded, kept_policy_sets=1),
    "opa": EngineKind(_opa, kept_policy_sets=4),
}
"""The implementations by name. A module is imported when its engine is created, because the OPA
engine imports requests and `policyd check` starts faster without."""


def too_slow(seconds: float, limit: float) -> PolicydError:
    """Return the error of an evaluation that did not end within `seconds`, of the usual `limit`.

    An evaluation that had most of the time is a fault of the policies. With less, the review had
    spent its time before.
    """
    if seconds < min(limit, limit * LEAST_SHARE):
        return ReviewTimeout("the review took too long; nothing was decided: try again later")
    return EngineUnavailable(f"evaluating the policies exceeded {limit:g} seconds")


class MalformedFinding(EngineError):
    """The policy `policy` reported something that is not a violation."""

    def __init__(self, policy: str, reason: str) -> None:
        super().__init__(f"the policy {policy} reported a malformed violation: {reason}")
        self.policy = policy


def decode(answer: str | bytes) -> Findings:
    """Return the findings in the JSON answer of an engine.

    Raises EngineError for an undefined result, and MalformedFinding for findings of a wrong shape.
    """
    try:
        return _DECODER.decode(answer)
    except msgspec.DecodeError as error:
        raise _malformed(answer) or EngineError(
            f"the result of {QUERY} is malformed: {error}"
        ) from error


def _malformed(answer: str | bytes) -> MalformedFinding | None:
    """Return which finding in `answer` has a wrong shape, if it is one of the findings."""
    try:
        findings = msgspec.json.decode(answer)["findings"]
        for finding in findings:
            try:
                msgspec.convert(finding, Finding)
            except msgspec.ValidationError as error:
                return MalformedFinding(str(finding["policy"]), str(error))
    except (msgspec.DecodeError, TypeError, KeyError):
        pass
    return None
