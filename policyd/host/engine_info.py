"""What a daemon says of itself: runtimes, the folder of its data, its version, its swarm.

In: the answer to GET /info. Out: EngineInfo. Source: Docker Engine API 1.41 and 1.51, SystemInfo.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import msgspec

from policyd.host.folded_json import Fields

FIRST_DEEP: Final = 25
"""The first version of the engine whose read-only bind mounts are read-only all the way down."""
WRAPPER: Final = "policyd-runtime"
"""The name of the program that asks the gate before it creates a container."""


class EngineInfo(msgspec.Struct, frozen=True):
    """What is known of a daemon; "" for what is not known.

    `runtimes` are the paths of the programs of its runtimes, by their names. `is_in_swarm` says
    whether the daemon is or may be in a swarm.
    """

    default_runtime: str = ""
    runtimes: Mapping[str, str] = {}
    root: str = ""
    is_in_swarm: bool = True
    version: str = ""

    @property
    def has_deep_read_only(self) -> bool:
        """Whether a read-only bind mount makes the mounts below it read-only, too."""
        major = self.version.partition(".")[0]
        return major.isdecimal() and int(major) >= FIRST_DEEP

    @property
    def asking_runtimes(self) -> frozenset[str]:
        """The names of the runtimes that ask the gate."""
        return frozenset(
            name for name, path in self.runtimes.items() if os.path.basename(path) == WRAPPER
        )


def read_info(answer: Fields | None) -> EngineInfo:
    """Return what `answer` says. Raises RequestError."""
    if answer is None:
        return EngineInfo()
    runtimes = answer.object("Runtimes")
    return EngineInfo(
        default_runtime=answer.text("DefaultRuntime"),
        runtimes={name: runtimes.object(name).text("path") for name in answer.keys("Runtimes")},
        root=answer.text("DockerRootDir"),
        is_in_swarm=answer.object("Swarm").text("LocalNodeState") != "inactive",
        version=answer.text("ServerVersion"),
    )
