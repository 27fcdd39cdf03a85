"""What the gate demands for its own sake: nothing may change it, and no container may skip it.

In: what a request asks for. Out: violations, in addition to those of policies; the mode of the host
says what they do. Mounts of the files that decide what is allowed are violations, and so are
runtimes that do not ask the gate where the daemon has one that does.
"""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from policyd.config import Settings
from policyd.errors import PolicySetError
from policyd.host.asked import Asked
from policyd.host.engine_info import EngineInfo
from policyd.host.grant_check import ACTIONS
from policyd.host.links import without_links
from policyd.host.receipt_names import CONSTRAINT
from policyd.host.runtime_install import DEFAULT_PATH
from policyd.host_settings import HostSettings
from policyd.model import Path, Violation
from policyd.policies.policy_set import source_paths

PROTECTION: Final = "protect-gate"
RUNTIME: Final = "require-runtime"
"""What violations name as their policy. They are no policies of the policy set."""

WRAPPER_TEXT: Final = "the program policyd-runtime"
_SOCKETS: Final = "/run/docker/plugins"
"""Root in a container can use sockets here, also of a folder that is mounted read-only."""
_PLUGINS: Final = ("/etc/docker/plugins", "/usr/lib/docker/plugins")
_PACKAGE: Final = str(pathlib.Path(__file__).parents[1])
_SQLITE: Final = "sqlite:///"
_OF_SQLITE: Final = ("", "-wal", "-shm", "-journal")
"""The ends of the names of the files of one database."""


class OwnRules:
    """What one gate demands. May be used by many threads at once."""

    def __init__(self, settings: Settings, host: HostSettings, config: str = "") -> None:
        """`host` is `settings.host` with its name; `config` is the path of the settings file."""
        self._host = host
        named = {**_files(settings, host), config: "the settings of policyd"}
        self._files = {without_links(path): what for path, what in named.items() if path}
        self._sockets = (without_links(os.path.dirname(host.socket)), _SOCKETS)

    def violations(self, asked: Asked, engine: EngineInfo) -> list[Violation]:
        """Return the violations of what `asked` asks for, of the daemon `engine`."""
        return [*self._changes(asked, engine), *self._skips(asked, engine)]

    def _changes(self, asked: Asked, engine: EngineInfo) -> Iterator[Violation]:
        mounts = list(_mounts(asked))
        for path, key, _ in mounts:
            if any(_meet(path, folder) for folder in self._sockets):
                yield self._violation(
                    asked, PROTECTION, key, f"mounts the sockets of plugins of Docker: {path}",
                    "Remove the mount, or mount a folder that does not contain them.",
                )  # fmt: skip
        files = {**self._files, engine.root: "the data of Docker"}
        files |= {engine.runtimes[name]: WRAPPER_TEXT for name in engine.asking_runtimes}
        for path, key, is_read_only in mounts:
            if is_read_only:
                continue
            what = next((text for one, text in files.items() if one and _meet(path, one)), "")
            if what:
                yield self._violation(
                    asked, PROTECTION, key, f"mounts {what} writable: {path}",
                    "Add `:ro` to the mount, or mount a folder that does not contain it.",
                )  # fmt: skip

    def _skips(self, asked: Asked, engine: EngineInfo) -> Iterator[Violation]:
        name, asking = asked.keys.get("runtime", ""), engine.asking_runtimes
        allowed = {engine.default_runtime, *(self._host.runtimes or asking)}
        if name and name not in allowed and (asking or self._host.runtimes):
            yield self._violation(
                asked, RUNTIME, ("runtime",), f"runs under {name}, which skips policyd-runtime",
                "Remove `runtime:` or `--runtime`; recreate a container that is older than "
                "policyd-runtime.",
            )  # fmt: skip

    def _violation(
        self, asked: Asked, policy: str, key: Path, text: str, remediation: str
    ) -> Violation:
        return Violation(
            policy=policy,
            constraint=CONSTRAINT,
            enforcement_action=ACTIONS[self._host.mode],
            severity="critical",
            message=f"service {asked.service} {text}",
            remediation=remediation,
            service=asked.service,
            path=("services", asked.service, *key),
        )


def _files(settings: Settings, host: HostSettings) -> Mapping[str, str]:
    """Return what the paths are whose files say what the gate allows."""
    audit = settings.audit.removeprefix(_SQLITE)
    data = audit if "://" not in audit else ""
    return {
        **{f"{data}{end}": "the audit log of policyd" for end in _OF_SQLITE if data},
        **dict.fromkeys(_policy_files(settings.policy_set), "the policy set of policyd"),
        settings.receipt_public_keys_file: "the keys of receipts",
        host.receipts: "the receipts of policyd",
        host.grants_cache: "the grants of policyd",
        host.grants_token_file: "the token of policyd",
        host.grants_ca_file: "the certificates of policyd",
        sys.prefix if sys.prefix != sys.base_prefix else "": "the program policyd",
        _PACKAGE: "the program policyd",
        DEFAULT_PATH: WRAPPER_TEXT,
        **dict.fromkeys(_PLUGINS, "the plugins of Docker"),
    }


def _policy_files(policy_set: str) -> list[str]:
    """Return the paths of the policy set, its packs and its data files."""
    if not policy_set:
        return []
    try:
        found = source_paths(pathlib.Path(policy_set))
    except (PolicySetError, OSError):
        found = []
    return [policy_set, *map(str, found)]


def _mounts(asked: Asked) -> Iterator[tuple[str, Path, bool]]:
    """Yield the folders of the host that `asked` mounts, where it says so, and if read-only."""
    for workload in asked.loaded(b"").workloads:
        for mount in workload.mounts:
            if mount.type == "bind" and mount.source.startswith("/"):
                yield mount.source, mount.path[len(workload.path) :], mount.read_only


def _meet(one: str, other: str) -> bool:
    """Return whether one of the paths is the other or is below it."""
    first, second = one.rstrip("/") + "/", other.rstrip("/") + "/"
    return first.startswith(second) or second.startswith(first)
