"""The rule book: packs of policies, the constraints that put them in force, and exceptions.

In: a policy set, a YAML file, and the packs that it names. Out: PolicySet, which never changes; its
revision is a digest of all that it holds. Errors: PolicySetError, with file, line and column.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from policyd.errors import PolicySetError
from policyd.model import Location, PolicySetRevision
from policyd.policies import lint
from policyd.policies.documents import (
    KINDS,
    Constraint,
    Heading,
    kind_of,
    read_constraint,
    read_heading,
)
from policyd.policies.exceptions import (
    PolicyException,
    check_names,
    read_exception,
    read_max_days,
)
from policyd.policies.packs import Pack, Policy, built_in, read_data, read_pack, read_text
from policyd.policies.yamldoc import Value, documents

POLICY_SET_FILE: Final = "policyset.yaml"
"""The file of a policy set that is a folder."""

_FOUNDATION: Final = ("lib", "main")
_ROUTER: Final = "router.rego"
_PACKAGES: Final = ("policyd.policies.", "policyd.lib.")


class PolicySet(msgspec.Struct, frozen=True):
    """What is in force: policies by id, constraints, exceptions, and the Rego for an engine.

    `modules` has the text of each Rego file by name, `data` the document under `data`.
    """

    name: str
    revision: str
    policies: dict[str, Policy]
    constraints: tuple[Constraint, ...]
    modules: dict[str, str]
    data: dict[str, Any]
    exceptions: tuple[PolicyException, ...] = ()

    @property
    def reference(self) -> PolicySetRevision:
        """Return the name and the revision, as decisions show them."""
        return PolicySetRevision(self.name, self.revision)

    @property
    def environment_names(self) -> frozenset[str]:
        """Return the variables that some policy reads; a name in `*` stands for a beginning."""
        return frozenset(name for policy in self.policies.values() for name in policy.environment)


def load_policy_set(path: Path | None = None) -> PolicySet:
    """Return the policy set in the file or folder `path`, or the one that comes with policyd.

    Raises PolicySetError for anything in it that is not right.
    """
    file = path if path is not None else built_in() / "default.yaml"
    if file.is_dir():
        file /= POLICY_SET_FILE
    heading, rest = _documents(file)
    packs = _packs(heading, file.parent)
    policies = _catalogue(packs)
    schemas = {policy.id: policy.parameters for policy in policies.values()}
    constraints = tuple(read_constraint(document, schemas) for document in rest["Constraint"])
    max_days = read_max_days(heading.exceptions, policies)
    exceptions = tuple(
        read_exception(document, policies, max_days) for document in rest["Exception"]
    )
    check_names((c.name, c.location) for c in constraints)
    check_names((e.name, e.location) for e in exceptions)
    modules = {name: text for pack in packs for name, text in pack.modules.items()}
    modules[_ROUTER] = router(policies)
    data = _data(packs, heading, file.parent)
    _check(packs, modules, data)
    return PolicySet(
        name=heading.name,
        revision=_revision(heading.name, modules, data, constraints, exceptions),
        policies=policies,
        constraints=constraints,
        modules=modules,
        data=data,
        exceptions=exceptions,
    )


def router(policies: Iterable[str]) -> str:
    """Return the Rego that asks the policies named in `input.constraints`, and no others."""
    rules = [
        f'findings contains object.union(found, {{"policy": "{name}"}}) if {{\n'
        f'\tinput.constraints["{name}"]\n'
        f"\tsome found in data.policyd.policies.{name.replace('-', '_')}.violation\n"
        "}\n"
        for name in sorted(policies)
    ]
    return "\n".join(["package policyd.router\n", *(rules or ["findings := []\n"])])


def _documents(file: Path) -> tuple[Heading, dict[str, list[Value]]]:
    """Return the heading in `file`, and its documents by kind."""
    found: dict[str, list[Value]] = {kind: [] for kind in KINDS}
    for document in documents(read_text(file), str(file)):
        found[kind_of(document)].append(document)
    headings = found["PolicySet"]
    if len(headings) != 1:
        where = headings[1].where if headings else Location(str(file))
        raise PolicySetError(
            f"a policy set has one document of kind PolicySet, not {len(headings)}", where
        )
    return read_heading(headings[0]), found


def _packs(heading: Heading, folder: Path) -> list[Pack]:
    root = built_in()
    packs = [read_pack(root / name, name, is_built_in=True) for name in _FOUNDATION]
    for value in heading.packs:
        name = value.text()
        inside = root / name
        outside = folder / name
        if name.isidentifier() and inside.is_dir():
            pack = read_pack(inside, name, is_built_in=True)
        elif outside.is_dir():
            pack = read_pack(outside, Path(name).as_posix(), is_built_in=False)
        else:
            known = sorted(
                path.name
                for path in root.iterdir()
                if path.is_dir() and path.name not in _FOUNDATION
            )
            raise value.error(
                f"is {name!r}, which is neither a built-in pack ({', '.join(known)}) "
                f"nor a folder beside the policy set"
            )
        if pack.name in {other.name for other in packs}:
            raise value.error(f"is {name!r}: there is a pack {pack.name!r} already")
        packs.append(pack)
    return packs


def _catalogue(packs: Iterable[Pack]) -> dict[str, Policy]:
    policies: dict[str, Policy] = {}
    for pack in packs:
        for policy in pack.policies:
            if policy.id in policies:
                raise PolicySetError(
                    f"policy {policy.id!r} is already in the pack {policies[policy.id].pack!r}",
                    Location(policy.module),
                )
            policies[policy.id] = policy
    return dict(sorted(policies.items()))


def _data(packs: Iterable[Pack], heading: Heading, folder: Path) -> dict[str, Any]:
    files = [built_in() / "data.yaml"]
    for pack in packs:
        files += [
            pack.folder / name
            for name in ("data.yaml", "data.json")
            if (pack.folder / name).is_file()
        ]
    files += [folder / value.text() for value in heading.data]
    merged: dict[str, Any] = {}
    for file in files:
        merge_data(merged, read_data(file), file)
    return merged


def merge_data(
    into: dict[str, Any], new: Mapping[str, Any], file: Path, at: tuple[str, ...] = ()
) -> None:
    """Add `new`, the data of `file`, to `into`, key by key; of two values the new one stays.

    Raises PolicySetError where one is a mapping and the other is not.
    """
    for key, value in new.items():
        old = into.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merge_data(old, value, file, (*at, key))
        elif key in into and isinstance(old, dict) != isinstance(value, dict):
            raise PolicySetError(
                f"{'.'.join((*at, key))} is a mapping in one data file and not in another",
                Location(str(file)),
            )
        else:
            into[key] = value


def _check(packs: Iterable[Pack], modules: Mapping[str, str], data: Mapping[str, Any]) -> None:
    """Raise PolicySetError for Rego of the user that does not compile or is not right.

    Packs that come with policyd were checked by its tests.
    """
    own = [name for pack in packs if not pack.is_built_in for name in pack.modules]
    if not own:
        return
    parsed = {name: lint.parse(name, text) for name, text in modules.items()}
    taken = {module.package for name, module in parsed.items() if name not in own}
    for name in own:
        package = parsed[name].package.removeprefix("data.")
        if parsed[name].package in taken:
            raise PolicySetError(f"the package {package} is policyd's own", Location(name))
        if not package.startswith(_PACKAGES):
            raise PolicySetError(
                f"the package is {package}: it must be below {' or '.join(_PACKAGES)}",
                Location(name),
            )
    for problem in lint.problems(parsed, {name: parsed[name] for name in own}, data):
        raise problem
    lint.compiles(modules, data)


def _revision(
    name: str,
    modules: Mapping[str, str],
    data: Mapping[str, Any],
    constraints: Iterable[Constraint],
    exceptions: Iterable[PolicyException],
) -> str:
    content = {
        "name": name,
        "modules": modules,
        "data": data,
        "constraints": [msgspec.structs.replace(c, location=Location("")) for c in constraints],
        "exceptions": [msgspec.structs.replace(e, location=Location("")) for e in exceptions],
    }
    text = msgspec.json.encode(msgspec.to_builtins(content), order="deterministic")
    return "sha256:" + hashlib.sha256(text).hexdigest()
