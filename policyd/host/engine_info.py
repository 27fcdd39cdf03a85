"""What a daemon says of itself: its runtimes, the folder of its data, whether it is in a swarm.

In: the answer to GET /info. Out: EngineInfo. Source: Docker Engine API 1.41 and 1.51, SystemInfo.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import msgspec

from policyd.host.folded_json import Fields

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
    )
