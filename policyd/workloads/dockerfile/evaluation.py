"""Read from an inline Dockerfile what it sets for its container: variables and RUN flags.

In: the text of `dockerfile_inline`, the build's target and arguments. Out: a `Dockerfile`. Images
that it is built from are not looked at. Source: buildkit v0.32 frontend/dockerfile (parser,
instructions, dockerfile2llb).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import NamedTuple

from policyd.workloads.dockerfile.expansion import DockerfileText, ExpansionError
from policyd.workloads.dockerfile.instructions import (
    BLANKS,
    Instruction,
    Instructions,
    arg_pairs,
    env_pairs,
)
from policyd.workloads.model import (
    RunFlag,
)

MAX_GROWTH = 1 << 20
"""How many characters longer than they are written all values together may become."""

MAX_INHERITED = 1 << 20
"""How many variables stages may take over from the stages they are built from, in all."""


class Dockerfile(NamedTuple):
    """Variables that ENV sets, of all stages, those of the target winning; flags of RUN."""

    environment: dict[str, str]
    run_flags: tuple[RunFlag, ...]


class _Stage:
    """A build stage: what ENV has set, what `$NAME` finds, what awaits stages built from it."""

    def __init__(self, base: _Stage | None) -> None:
        self.environment: dict[str, str] = dict(base.environment) if base else {}
        self.variables: dict[str, str] = dict(self.environment)
        self.triggers: list[Instruction] = []


def read(text: str, target: str, arguments: Mapping[str, str]) -> Dockerfile:
    """Return what the Dockerfile `text` sets when `target` is built ("" is the last stage).

    `arguments` are the build arguments. What BuildKit would refuse is passed over.
    """
    evaluation = _Evaluation(text, arguments)
    return Dockerfile(evaluation.environment(target), tuple(evaluation.run_flags))


class _Evaluation:
    def __init__(self, text: str, arguments: Mapping[str, str]) -> None:
        self._arguments = arguments
        self._global: dict[str, str] = {}
        self._stages: list[_Stage] = []
        self._names: dict[str, _Stage] = {}
        self._all: dict[str, str] = {}
        self._growth = 0
        self._inherited = 0
        self.run_flags: list[RunFlag] = []
        instructions = Instructions(text)
        for instruction in instructions:
            self._escape = instructions.escape
            self._take(instruction)

    def environment(self, target: str) -> dict[str, str]:
        stage = self._names.get(target.lower())
        if stage is None and target.isdecimal() and int(target[:9]) < len(self._stages):
            stage = self._stages[int(target[:9])]
        if stage is None and self._stages:
            stage = self._stages[-1]
        return self._all | (stage.environment if stage else {})

    def _take(self, instruction: Instruction) -> None:
        if instruction.command == "from":
            self._start(instruction.arguments)
        elif not self._stages:
            if instruction.command == "arg":
                self._declare(instruction, self._global, self._global)
        else:
            self._run(instruction, self._stages[-1])

    def _start(self, arguments: str) -> None:
        words = BLANKS.split(arguments)
        base = self._names.get(self._expanded(words[0], self._global).lower())
        if base and self._inherited + len(base.environment) <= MAX_INHERITED:
            self._inherited += len(base.environment)
        else:
            base = None
        stage = _Stage(base)
        self._stages.append(stage)
        if len(words) == 3 and words[1].lower() == "as":
            self._names[words[2].lower()] = stage
        for trigger in base.triggers if base else ():
            self._run(trigger, stage)

    def _run(self, instruction: Instruction, stage: _Stage) -> None:
        if instruction.command == "env":
            pairs = [
                (self._expanded(name, stage.variables), self._expanded(value, stage.variables))
                for name, value in env_pairs(instruction.arguments, self._escape)
            ]
            for variables in (stage.variables, stage.environment, self._all):
                variables.update(pairs)
        elif instruction.command == "arg":
            self._declare(instruction, stage.variables, self._global)
        elif instruction.command == "run":
            self.run_flags += [_run_flag(flag) for flag in instruction.flags]
        elif instruction.trigger is not None:
            stage.triggers.append(instruction.trigger)
            if instruction.trigger.command == "run":
                self._run(instruction.trigger, stage)

    def _declare(
        self, instruction: Instruction, variables: dict[str, str], defaults: Mapping[str, str]
    ) -> None:
        for written, default in arg_pairs(instruction.arguments, self._escape):
            name = self._expanded(written, variables)
            if name in self._arguments:
                variables[name] = self._arguments[name]
            elif default is not None:
                variables[name] = self._expanded(default, variables)
            elif name in defaults:
                variables[name] = defaults[name]

    def _expanded(self, word: str, variables: Mapping[str, str]) -> str:
        """Return `word` with variables replaced, or as written where that cannot be done."""
        try:
            text = DockerfileText(word, variables, self._escape).expand()
        except ExpansionError:
            return word
        self._growth += max(len(text) - len(word), 0)
        return text if self._growth <= MAX_GROWTH else word


def _run_flag(flag: str) -> RunFlag:
    """Return a flag as name and value; the value of `--device` is the name of the device."""
    name, _, value = flag.removeprefix("--").partition("=")
    for field in _fields(value) if name == "device" else ():
        key, equals, rest = field.partition("=")
        if key.lower() != "required":
            return RunFlag(name, rest if equals and key.lower() == "name" else field)
    return RunFlag(name, value)


def _fields(value: str) -> list[str]:
    try:
        return next(csv.reader([value]), [])
    except csv.Error:
        return []
