"""What `policyd host check` and `policyd host diff` find on a host."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["ok", "unsafe", "unknown"]


class Check(msgspec.Struct, frozen=True):
    """The check of one setting. `change` says how to make an unsafe one safe."""

    setting: str
    state: State
    found: str
    why: str
    change: str


class Uncovered(msgspec.Struct, frozen=True):
    """A running container with accelerators, and why no grant covers it."""

    container: str
    project: str
    service: str
    asked: str
    reason: str


class Unused(msgspec.Struct, frozen=True):
    """A grant that no running container uses."""

    name: str
    repository: str
    project: str
    service: str
    devices: str
    since: str


class Difference(msgspec.Struct, frozen=True):
    """What differs between the containers and the grants of the host `host`."""

    host: str
    uncovered: tuple[Uncovered, ...]
    unused: tuple[Unused, ...]
    containers: int
    grants: int
