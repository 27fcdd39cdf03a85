"""Load a policy set in a process of its own before it is in force.

In: the path of a policy set. Out: PolicySet, after its Rego was parsed, compiled, linted and
evaluated on a sample project with every policy in force. Whatever the Rego does, it cannot harm the
calling process: a crash, an evaluation without end, or too much memory is a PolicySetError.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from policyd.bundle import memory_bundle
from policyd.engines import EMPTY_INPUT, MalformedFinding
from policyd.engines.embedded import EmbeddedEngine
from policyd.engines.evaluator import end_with_parent, lacked_memory
from policyd.engines.isolated import MEMORY, VARIABLES
from policyd.errors import EngineError, PolicydError, PolicySetError, PolicySetWarning
from policyd.host_resolver import HostResolver
from policyd.loading import load_project
from policyd.model import Location, Review, Source
from policyd.policies.manifests import Constraint, plain_constraint
from policyd.policies.parameters import defaults
from policyd.policies.policy_set import PolicySet, is_pack, lint_policy_set, load_policy_set
from policyd.policies.router import ROUTER
from policyd.policy_input import review_input

SECONDS: Final = 60.0
"""The longest time that loading may take. The built-in policy set takes a tenth of a second."""

SAMPLE: Final = b"""services:
  web:
    image: registry.example/web:1
    privileged: true
    runtime: nvidia
    environment: {NVIDIA_VISIBLE_DEVICES: all}
    devices: ["/dev/nvidia0"]
    volumes: ["/var/run/docker.sock:/var/run/docker.sock"]
  train:
    build: .
    deploy: {resources: {reservations: {devices: [{driver: nvidia, count: all,
      capabilities: [gpu]}]}}}
"""
"""A project with a bit of everything, on which every policy is evaluated."""

_COMMAND: Final = (sys.executable, "-P", "-c", "from policyd.policy_set_trial import main; main()")
_ROUTER_LINE: Final = re.compile(rf"{re.escape(ROUTER)}:(\d+):")
_ROUTED: Final = re.compile(r'object\.union\(found, \{"policy": "([^"]+)"\}\)')
_LOAD, _LINT, _CANDIDATE = "load", "lint", "candidate"


class _Problem(msgspec.Struct, frozen=True):
    """An error or a warning of a policy set."""

    message: str
    where: Location | None
    is_warning: bool

    @classmethod
    def of(cls, error: PolicydError) -> _Problem:
        """Return `error` in a form that can be sent."""
        where = error.where if isinstance(error, PolicySetError) else None
        message = error.message if where else str(error)
        return cls(message, where, isinstance(error, PolicySetWarning))

    def error(self) -> PolicySetError:
        """Return the error or the warning."""
        kind = PolicySetWarning if self.is_warning else PolicySetError
        return kind(self.message, self.where)


class _Answer(msgspec.Struct, frozen=True):
    """The answer of the process: the policy set, or the problems of it."""

    policy_set: PolicySet | None = None
    problems: tuple[_Problem, ...] = ()


def load_after_trial(
    path: Path | None, seconds: float = SECONDS, memory: int = MEMORY
) -> PolicySet:
    """Return the policy set at `path`, by default the built-in one, after a trial of it.

    `memory` is in bytes of address space. Raises PolicySetError for an invalid policy set, and for
    one that exceeds `seconds` or `memory`, or that ends the process.
    """
    return _policy_set(_ask(_LOAD, path.absolute() if path else None, seconds, memory))


def load_candidate_after_trial(
    path: Path, seconds: float = SECONDS, memory: int = MEMORY
) -> PolicySet:
    """Return the policy set at `path` after a trial of it, with all of its policies in force.

    A policy without a constraint gets one that denies. Raises PolicySetError as
    `load_after_trial` does.
    """
    return _policy_set(_ask(_CANDIDATE, path.absolute(), seconds, memory))


def lint_in_process(
    path: Path | None, seconds: float = SECONDS, memory: int = MEMORY
) -> list[PolicySetError]:
    """Return the errors and warnings of the policy set or the pack at `path`.

    A policy set without errors is also evaluated on the sample project. Exceeding `seconds` or
    `memory` (in bytes of address space) and ending the process are errors, too.
    """
    try:
        answer = _ask(_LINT, path, seconds, memory)
    except PolicySetError as error:
        return [error]
    return [problem.error() for problem in answer.problems]


def _policy_set(answer: _Answer) -> PolicySet:
    if answer.policy_set is None:
        raise answer.problems[0].error()
    return answer.policy_set


def _ask(task: str, path: Path | None, seconds: float, memory: int) -> _Answer:
    """Return the answer of a new process to `task`."""
    arguments = [task, str(memory), *([str(path)] if path else [])]
    with subprocess.Popen(  # noqa: S603 (the command is a constant)
        [*_COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,  # Rego has no means to write to it: the lint refuses print
        env={name: os.environ[name] for name in VARIABLES if name in os.environ},
    ) as process:
        try:
            output, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise PolicySetError(
                f"loading the policy set exceeded {seconds:g} seconds", _place(path)
            ) from None
    if process.returncode != 0:
        raise PolicySetError(_ending(process.returncode, said, memory), _place(path))
    return msgspec.json.decode(output, type=_Answer)


def _ending(code: int, said: bytes, memory: int) -> str:
    """Return why the process ended with `code`. `said` is its standard error."""
    if lacked_memory(said):
        return (
            f"loading the policy set and evaluating it on a sample project needs more than "
            f"{memory / 1024**3:g} GiB of memory: let its rules build smaller collections"
        )
    ending = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    return f"the policy set ended the process that loaded it {ending}"


def _place(path: Path | None) -> Location | None:
    return Location(str(path)) if path else None


def main() -> None:
    """Do the task that the arguments name, and write an _Answer to standard output."""
    end_with_parent()
    task, memory = sys.argv[1], int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    path = Path(sys.argv[3]) if sys.argv[3:] else None
    if task == _LINT:
        answer = _Answer(None, tuple(_lint(path)))
    else:
        answer = _load(path, complete=task == _CANDIDATE)
    sys.stdout.buffer.write(msgspec.json.encode(answer))


def _load(path: Path | None, *, complete: bool) -> _Answer:
    try:
        policy_set = load_policy_set(path)
        policy_set = _complete(policy_set) if complete else policy_set
        try_out(policy_set)
    except PolicydError as error:
        return _Answer(None, (_Problem.of(error),))
    return _Answer(policy_set)


def _complete(policy_set: PolicySet) -> PolicySet:
    """Return `policy_set` with a constraint for each policy that has none."""
    constrained = {one.policy for one in policy_set.constraints}
    added = [
        msgspec.structs.replace(
            plain_constraint(policy.id, "deny", policy.module),
            parameters=defaults(policy.parameters),
        )
        for policy in policy_set.policies.values()
        if policy.id not in constrained
    ]
    return msgspec.structs.replace(policy_set, constraints=(*policy_set.constraints, *added))


def _lint(path: Path | None) -> Iterator[_Problem]:
    problems = lint_policy_set(path)
    yield from map(_Problem.of, problems)
    if is_pack(path) or not all(isinstance(one, PolicySetWarning) for one in problems):
        return
    try:
        try_out(load_policy_set(path))
    except PolicydError as error:
        yield _Problem.of(error)


def try_out(policy_set: PolicySet) -> None:
    """Evaluate every policy of `policy_set` on SAMPLE.

    Raises EngineError when that fails, and PolicySetError if the failing policy is known.
    """
    loaded = load_project(memory_bundle({"compose.yaml": SAMPLE}))
    review = Review(
        uid="trial",
        enforcement_point="cli",
        now=0,
        source=Source(repository="trial", environment="trial", host="trial"),
    )
    constraints: dict[str, list[Constraint]] = {}
    for constraint in policy_set.constraints:
        constraints.setdefault(constraint.policy, []).append(constraint)
    loaded = HostResolver(policy_set.data).on_host(loaded, review.source.host)
    engine = EmbeddedEngine(policy_set.modules, policy_set.data, SECONDS)
    try:
        engine.findings(EMPTY_INPUT)
        engine.findings(review_input(loaded, review, constraints))
    except MalformedFinding as error:
        raise _at_policy(error.message, policy_set, error.policy) from error
    except EngineError as error:
        raise _at_router(error, policy_set) from error
    finally:
        engine.close()


def _at_router(error: EngineError, policy_set: PolicySet) -> PolicydError:
    """Return `error` with the policy whose violation is not an object, if that is the reason."""
    place = _ROUTER_LINE.match(error.message)
    line = policy_set.modules[ROUTER].splitlines()[int(place[1]) - 1] if place else ""
    found = _ROUTED.search(line)
    if not found:
        return error
    return _at_policy(
        f"the policy {found[1]} reported a violation that is not an object", policy_set, found[1]
    )


def _at_policy(message: str, policy_set: PolicySet, policy: str) -> PolicySetError:
    return PolicySetError(message, Location(policy_set.policies[policy].module))
