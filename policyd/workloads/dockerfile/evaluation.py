"""Return what a Dockerfile sets for the container: variables, user, base image, flags of RUN.

In: the text, the target and the arguments of the build, and what is known of images that it starts
from. Out: a `Dockerfile`. Source: buildkit v0.33 frontend/dockerfile (parser, instructions,
dockerfile2llb).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from policyd.model import ImageConfig
from policyd.workloads.dockerfile.expansion import DockerfileText, ExpansionError
from policyd.workloads.dockerfile.instructions import (
    BLANKS,
    Instruction,
    Instructions,
    arg_pairs,
    env_pairs,
)
from policyd.workloads.model import RunFlag

MAX_GROWTH: Final = 1 << 20
"""How many characters the expansion of variables may add, in all."""

PLATFORM: Final = {
    "TARGETPLATFORM": "linux/amd64",
    "TARGETOS": "linux",
    "TARGETARCH": "amd64",
    "TARGETVARIANT": "",
    "BUILDPLATFORM": "linux/amd64",
    "BUILDOS": "linux",
    "BUILDARCH": "amd64",
    "BUILDVARIANT": "",
}
"""Arguments that BuildKit defines before the first stage, on a usual host."""

ConfigOf = Callable[[str, str], ImageConfig | None]
"""Returns the configuration of an image by its reference and platform, None if it is not known."""


def _nothing_known(_reference: str, _platform: str) -> ImageConfig | None:
    return None


_NO_TRIGGERS: Final = ("onbuild", "from", "maintainer")
_PLATFORM_FLAG: Final = "--platform="
_PATH: Final = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
"""BuildKit sets it where an image does not: an expansion can test it."""


class Dockerfile(msgspec.Struct, frozen=True):
    """What an image has: by its Dockerfile, or so far as an image is known without one.

    `base` is the image that it starts from, "" if unknown, and `base_platform` the platform of that
    image, "" if none is named; `environment` lacks what only `base` sets. `run_flags` are those of
    RUN in the stages up to the target. `frontend` is the image in the `syntax` directive, "" if
    there is none.
    """

    environment: dict[str, str] = {}
    user: str = ""
    base: str = ""
    run_flags: tuple[RunFlag, ...] = ()
    frontend: str = ""
    base_platform: str = ""


class _Stage:
    """A build stage: its instructions, and the stage or the image that it starts from."""

    def __init__(self, name: str, image: str, platform: str, parent: _Stage | None) -> None:
        self.name = name
        self.image = image
        self.platform = platform
        self.parent = parent
        self.base_triggers: list[Instruction] = []
        self.instructions: list[Instruction] = []

    def triggers(self) -> Iterator[Instruction]:
        """Yield what ONBUILD of the parent or of the image adds to the start of this stage."""
        yield from self.base_triggers
        for instruction in self.parent.instructions if self.parent else ():
            if instruction.trigger is not None:
                yield instruction.trigger

    def run_flags(self) -> Iterator[RunFlag]:
        """Yield the flags of RUN, and of ONBUILD RUN, which acts in stages built from this one."""
        for instruction in (*self.base_triggers, *self.instructions):
            acting = instruction.trigger or instruction
            if acting.command == "run":
                yield from map(_run_flag, acting.flags)


def read(
    text: str,
    target: str,
    arguments: Mapping[str, str],
    images: Mapping[str, Dockerfile] | None = None,
    platform: str = "",
    config_of: ConfigOf = _nothing_known,
) -> Dockerfile:
    """Return what the Dockerfile `text` sets when `target` is built ("" is the last stage).

    `arguments` are the build arguments. `images` are images whose content is known, by the name
    that FROM may use: additional contexts of the build. `platform` is the one that is built for, ""
    for that of a usual host. `config_of` returns what is known of other images. Instructions that
    BuildKit would refuse are ignored.
    """
    return _Evaluation(text, arguments, images or {}, platform, config_of).result(target)


class _Evaluation:
    def __init__(
        self,
        text: str,
        arguments: Mapping[str, str],
        images: Mapping[str, Dockerfile],
        platform: str,
        config_of: ConfigOf,
    ) -> None:
        self._arguments = arguments
        self._images = images
        self._platform = platform
        self._config_of = config_of
        self._global = PLATFORM | _target(platform)
        self._global |= {name: arguments[name] for name in PLATFORM if name in arguments}
        self._stages: list[_Stage] = []
        self._growth = 0
        instructions = Instructions(text)
        names: dict[str, _Stage] = {}
        for instruction in instructions:
            self._escape = instructions.escape
            if instruction.command == "from":
                stage = self._stage(instruction, names)
                self._stages.append(stage)
                names[stage.name] = stage
            elif self._stages:
                self._stages[-1].instructions.append(instruction)
            elif instruction.command == "arg":
                self._declare(instruction, self._global)
        self._frontend = instructions.syntax

    def result(self, target: str) -> Dockerfile:
        if not self._stages:
            return Dockerfile(frontend=self._frontend)
        last = self._index(target)
        chain: list[_Stage] = []
        stage: _Stage | None = self._stages[last]
        while stage is not None:
            chain.append(stage)
            stage = stage.parent
        built = self._container(chain[::-1])
        flags = tuple(flag for each in self._stages[: last + 1] for flag in each.run_flags())
        return msgspec.structs.replace(built, run_flags=flags, frontend=self._frontend)

    def _index(self, target: str) -> int:
        """Return the place of the stage `target`, a name or a number; else that of the last."""
        last = len(self._stages) - 1
        for index in range(last, -1, -1):
            if target and self._stages[index].name == target.lower():
                return index
        if target.isdecimal() and target.isascii() and int(target[:9]) < last:
            return int(target[:9])
        return last

    def _stage(self, instruction: Instruction, names: Mapping[str, _Stage]) -> _Stage:
        words = BLANKS.split(instruction.arguments)
        image = self._expanded(words[0], self._global)
        platform = self._platform
        for flag in instruction.flags:
            if flag.startswith(_PLATFORM_FLAG):
                platform = self._expanded(flag.removeprefix(_PLATFORM_FLAG), self._global)
        name = words[2].lower() if len(words) == 3 and words[1].lower() == "as" else ""
        if name and name in self._images:
            return _Stage(name, name, platform, None)
        stage = _Stage(name, image, platform, names.get(image.lower()))
        if stage.parent is None and image.removesuffix(":latest") not in self._images:
            stage.base_triggers = self._triggers_of(image, platform)
        return stage

    def _triggers_of(self, image: str, platform: str) -> list[Instruction]:
        """Return what ONBUILD of an image adds, without what BuildKit does not allow there."""
        config = self._config_of(image, platform)
        parsed = [list(Instructions(text)) for text in (config.on_build if config else ())]
        return [
            found[0] for found in parsed if len(found) == 1 and found[0].command not in _NO_TRIGGERS
        ]

    def _container(self, chain: list[_Stage]) -> Dockerfile:
        """Return what the stages of `chain`, each built from the one before, set together."""
        known = self._images.get(chain[0].image.removesuffix(":latest"))
        start = known or Dockerfile(base=chain[0].image, base_platform=chain[0].platform)
        environment = dict(start.environment)
        base = self._config_of(start.base, start.base_platform) if start.base else None
        variables = _PATH | (base.environment if base else {}) | environment
        user = start.user
        for stage in chain:
            is_replaced = known is not None and stage.name == stage.image
            acting = () if is_replaced else (*stage.triggers(), *stage.instructions)
            for instruction in acting:
                if instruction.command == "env":
                    pairs = self._pairs(instruction, variables)
                    variables.update(pairs)
                    environment.update(pairs)
                elif instruction.command == "arg":
                    self._declare(instruction, variables)
                elif instruction.command == "user":
                    user = self._expanded(instruction.arguments, variables)
        return msgspec.structs.replace(
            start, environment=environment, user=user, run_flags=(), frontend=""
        )

    def _pairs(
        self, instruction: Instruction, variables: Mapping[str, str]
    ) -> list[tuple[str, str]]:
        return [
            (self._expanded(name, variables), self._expanded(value, variables))
            for name, value in env_pairs(instruction.arguments, self._escape)
        ]

    def _declare(self, instruction: Instruction, variables: dict[str, str]) -> None:
        """Set what ARG declares: a build argument, else its default, else the global value."""
        for written, default in arg_pairs(instruction.arguments, self._escape):
            name = self._expanded(written, variables)
            if name in self._arguments:
                variables[name] = self._arguments[name]
            elif default is not None:
                variables[name] = self._expanded(default, variables)
            elif name in self._global:
                variables[name] = self._global[name]

    def _expanded(self, word: str, variables: Mapping[str, str]) -> str:
        """Return `word` with variables replaced, or as written if that is not possible."""
        try:
            text = DockerfileText(word, variables, self._escape).expand()
        except ExpansionError:
            return word
        self._growth += max(len(text) - len(word), 0)
        return text if self._growth <= MAX_GROWTH else word


def _target(platform: str) -> dict[str, str]:
    """Return the arguments that BuildKit defines for the `platform` that is built for."""
    if not platform:
        return {}
    system, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    return {
        "TARGETPLATFORM": platform,
        "TARGETOS": system,
        "TARGETARCH": architecture,
        "TARGETVARIANT": variant,
    }


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
