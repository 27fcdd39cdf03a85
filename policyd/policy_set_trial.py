"""Load a policy set in a process of its own before it is in force.

In: the path of a policy set. Out: PolicySet, after its Rego was parsed, compiled, linted and
evaluated on a sample project with every policy in force. Whatever the Rego does, it cannot harm the
calling process: a crash, an evaluation without end, or too much memory is a PolicySetError.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from policyd.bundle import memory_bundle
from policyd.engines import EMPTY_INPUT
from policyd.engines.embedded import EmbeddedEngine
from policyd.engines.evaluator import end_with_parent
from policyd.engines.isolated import MEMORY, VARIABLES
from policyd.errors import PolicydError, PolicySetError
from policyd.loading import load_project
from policyd.model import Location, Review, Source
from policyd.policies.manifests import Constraint
from policyd.policies.policy_set import PolicySet, load_policy_set
from policyd.policy_input import review_input
from policyd.resolution import HostResolver

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


class _Answer(msgspec.Struct, frozen=True):
    """The answer of the process: the policy set, or why it is refused."""

    policy_set: PolicySet | None = None
    message: str = ""
    where: Location | None = None


def load_after_trial(
    path: Path | None, seconds: float = SECONDS, memory: int = MEMORY
) -> PolicySet:
    """Return the policy set at `path`, by default the built-in one, after a trial of it.

    `memory` is in bytes of address space. Raises PolicySetError for an invalid policy set, and for
    one that exceeds `seconds` or `memory`, or that ends the process.
    """
    arguments = [str(memory), *([str(path.absolute())] if path else [])]
    with subprocess.Popen(  # noqa: S603 (the command is a constant)
        [*_COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in VARIABLES if name in os.environ},
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise PolicySetError(f"loading the policy set exceeded {seconds:g} seconds") from None
    return _policy_set(output, process.returncode)


def main() -> None:
    """Load the policy set that the arguments name, and write an _Answer to standard output."""
    end_with_parent()
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    try:
        policy_set = load_policy_set(Path(sys.argv[2]) if sys.argv[2:] else None)
        try_out(policy_set)
        answer = _Answer(policy_set)
    except PolicydError as error:
        where = error.where if isinstance(error, PolicySetError) else None
        answer = _Answer(None, error.message if where else str(error), where)
    sys.stdout.buffer.write(msgspec.json.encode(answer))


def try_out(policy_set: PolicySet) -> None:
    """Evaluate every policy of `policy_set` on SAMPLE. Raises EngineError when that fails."""
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
    finally:
        engine.close()


def _policy_set(output: bytes, code: int) -> PolicySet:
    if code != 0:
        ending = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        raise PolicySetError(f"the policy set ended the process that loaded it {ending}")
    answer = msgspec.json.decode(output, type=_Answer)
    if answer.policy_set is None:
        raise PolicySetError(answer.message, answer.where)
    return answer.policy_set
