"""The tables that grants are worked out with: data of the policy set, under `policyd.tables`.

In: the data of a policy set. Out: Tables, checked and ready for use. A user extends the tables with
data files of a policy set. policies/data.yaml describes each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from policyd.errors import PolicySetError
from policyd.grants.selection import RULES

_PLAIN_RULE: Final = "nvidia"
"""The rule of a family that the tables do not describe."""


class Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Runtimes and variables of one vendor that belong together.

    `rule` names the rule by which the values of its variables are read. Under a runtime of the
    family each variable that begins with one of `runtime_prefixes` selects devices as well. If
    `needs_variable` is set, the runtime gives nothing without a variable; otherwise everything.
    """

    vendor: str = "unknown"
    rule: str = _PLAIN_RULE
    needs_variable: bool = False
    runtime_prefixes: dict[str, bool] = {}


class Runtimes(msgspec.Struct, frozen=True):
    """How names of runtimes are classified: parts of a name, tokens of it, vetted names.

    `variables` names further selecting variables, by family.
    """

    containing: dict[str, str] = {}
    tokens: dict[str, str] = {}
    vetted: dict[str, bool] = {}
    variables: dict[str, str] = {}


class SelectorTable(msgspec.Struct, frozen=True):
    """The family of a selecting variable, by its name, and by a prefix and a part of the rest."""

    names: dict[str, str] = {}
    prefixes: dict[str, dict[str, str]] = {}


class Sockets(msgspec.Struct, frozen=True):
    """Sockets of engines: by path, by name of the file, by folder, by name of the pipe."""

    paths: dict[str, bool] = {}
    names: dict[str, bool] = {}
    directories: dict[str, bool] = {}
    pipes: dict[str, bool] = {}


class ServiceSockets(msgspec.Struct, frozen=True):
    """Sockets of managers of the host, and their folders: by path, and below /run/user/<n>."""

    paths: dict[str, bool] = {}
    user_paths: dict[str, bool] = {}


class TableData(msgspec.Struct, frozen=True):
    """The tables below `policyd.tables` that grants need; other tables are for policies."""

    families: dict[str, Family] = {}
    drivers: dict[str, str] = {}
    capabilities: dict[str, str] = {}
    cdi_vendors: dict[str, str] = {}
    runtimes: Runtimes = Runtimes()
    selectors: SelectorTable = SelectorTable()
    known_images: dict[str, str] = {}
    nodes: dict[str, str] = {}
    usb_nodes: dict[str, str] = {}
    usb_majors: dict[str, str] = {}
    device_classes: dict[str, str] = {}
    driver_trees: dict[str, str] = {}
    driver_directories: dict[str, str] = {}
    disk_nodes: dict[str, str] = {}
    majors: dict[str, str] = {}
    resource_kinds: dict[str, str] = {}
    sockets: Sockets = Sockets()
    service_sockets: ServiceSockets = ServiceSockets()
    runtime_config: dict[str, bool] = {}
    system_directories: dict[str, bool] = {}
    system_trees: dict[str, bool] = {}


class Tables:
    """The tables of a policy set. Do not change after creation; may be used by many threads."""

    def __init__(self, data: TableData) -> None:
        """Prepare `data`. Raises PolicySetError for an invalid regular expression or rule."""
        self.data = data
        self.families = dict(self._families())
        self.nodes = tuple(_compiled("nodes", data.nodes))
        self.usb_nodes = tuple(_compiled("usb_nodes", data.usb_nodes))
        self.disk_nodes = tuple(_compiled("disk_nodes", data.disk_nodes))
        self.variables = self._variables()
        self.top_folders = frozenset(_top_folders(data))
        self.folders_above_config = frozenset(
            _folders_above(path for path, counts in data.runtime_config.items() if counts)
        )
        self.image_prefixes = tuple(
            (name.removesuffix("*"), family)
            for name, family in data.known_images.items()
            if name.endswith("*")
        )

    def family(self, name: str) -> Family:
        """Return the family `name`, or one for a vendor that has none described."""
        return self.families.get(name) or Family(vendor=name)

    def _families(self) -> Iterator[tuple[str, Family]]:
        for name, family in self.data.families.items():
            if family.rule not in RULES:
                raise PolicySetError(
                    f"policyd.tables.families.{name}.rule is {family.rule!r}; "
                    f"the rules are {', '.join(RULES)}"
                )
            yield name, family

    def _variables(self) -> dict[str, str]:
        """Return the family of each selecting variable, by name.

        A table of an older form names a vendor in place of a family.
        """
        found = dict(self.data.selectors.names)
        for owner, name in self.data.runtimes.variables.items():
            found.setdefault(name, owner)
        return {name: self.family_of(owner) for name, owner in found.items()}

    def family_of(self, owner: str) -> str:
        """Return the family `owner`, or the first family of the vendor `owner`, else `owner`."""
        if owner in self.families:
            return owner
        if owner == "unknown":
            return owner
        return next((n for n, family in self.families.items() if family.vendor == owner), owner)


def read_tables(data: Mapping[str, Any]) -> Tables:
    """Return the tables in the data of a policy set.

    Raises PolicySetError for a table of another form.
    """
    try:
        tables = msgspec.convert(data.get("policyd", {}).get("tables", {}), TableData)
    except msgspec.ValidationError as error:
        raise PolicySetError(f"policyd.tables: {error}") from error
    return Tables(tables)


def _top_folders(data: TableData) -> Iterator[str]:
    """Yield the first steps of all paths that reach the host: dev of /dev/null, "" of /."""
    yield from ("", "dev", "proc", "sys", "run")
    for paths in (
        data.driver_trees,
        data.driver_directories,
        data.sockets.paths,
        data.sockets.directories,
        data.service_sockets.paths,
        data.runtime_config,
        data.system_directories,
        data.system_trees,
    ):
        for path in paths:
            yield path[1:].partition("/")[0]


def _folders_above(paths: Iterable[str]) -> Iterator[str]:
    """Yield the folders that contain one of `paths`, except /; /run has a class of its own."""
    for path in paths:
        parts = path.split("/")
        for length in range(2, len(parts)):
            yield "/".join(parts[:length])


def _compiled(table: str, patterns: Mapping[str, str]) -> Iterator[tuple[re.Pattern[str], str]]:
    for pattern, owner in patterns.items():
        try:
            yield re.compile(pattern, re.ASCII), owner
        except re.error as error:
            raise PolicySetError(
                f"policyd.tables.{table}: {pattern!r} is not a valid regular expression: {error}"
            ) from error
