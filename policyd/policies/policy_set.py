"""Load a policy set: its packs of policies, its constraints and its exceptions.

In: a YAML file, and the packs that it names. Out: an immutable PolicySet, whose revision is a
digest of its content. Errors: PolicySetError, with file, line and column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from policyd.errors import PolicySetError
from policyd.model import Location, PolicySetRevision
from policyd.policies.exceptions import (
    PolicyException,
    check_names,
    read_exception,
    read_max_days,
)
from policyd.policies.manifests import (
    KINDS,
    Constraint,
    Heading,
    kind_of,
    partial_heading,
    plain_constraint,
    read_constraint,
)
from policyd.policies.packs import Pack, Policy, built_in, declared, read_data, read_pack, read_text
from policyd.policies.problems import Problems
from policyd.policies.revision import revision_of
from policyd.policies.router import ROUTER, router
from policyd.policies.yaml_documents import Value, documents

if TYPE_CHECKING:
    from pathlib import Path

POLICY_SET_FILE: Final = "policyset.yaml"
"""The name of the YAML file in the folder of a policy set."""

_FOUNDATION: Final = ("lib", "main")
LEGACY_IMAGE_VARIABLES: Final = ("CUDA_VERSION", "NVIDIA_REQUIRE_CUDA")
"""The variables by which the NVIDIA Container Toolkit recognizes a legacy CUDA image."""


class PolicySet(msgspec.Struct, frozen=True):
    """Policies by ID, constraints, exceptions, and the Rego for an engine.

    `modules` has the text of each Rego file by name, `data` the content of the document `data`.
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
        """Return the name and the revision, as they appear in decisions."""
        return PolicySetRevision(self.name, self.revision)

    @property
    def environment_names(self) -> frozenset[str]:
        """Return the variables that policies and grants read; `*` at the end marks a prefix."""
        read = {name for policy in self.policies.values() for name in policy.environment}
        selectors = self.data["policyd"]["tables"]["selectors"]
        prefixes = {f"{prefix}*" for prefix in selectors["prefixes"]}
        return frozenset({*read, *selectors["names"], *prefixes, *LEGACY_IMAGE_VARIABLES})


def load_policy_set(path: Path | None = None) -> PolicySet:
    """Return the policy set in the file or folder `path`, or the default policy set.

    Raises PolicySetError for the first error in it.
    """
    policy_set, problems = _read(path)
    _raise_first(list(problems))
    return policy_set


def load_draft(path: Path | None = None) -> PolicySet:
    """Return the policy set in `path`, in which policies may call print.

    Raises PolicySetError for the first other error in it.
    """
    from policyd.policies.builtins import PRINT_REFUSED

    policy_set, problems = _read(path)
    _raise_first([one for one in problems if not one.message.startswith(PRINT_REFUSED)])
    return policy_set


def _raise_first(problems: list[PolicySetError]) -> None:
    for problem in problems:
        problem.others = len(set(map(str, problems))) - 1
        raise problem


def policies_of(path: Path | None = None) -> dict[str, Policy]:
    """Return the policies of the policy set in `path`, even if its other documents are invalid.

    Raises PolicySetError when there is no policy set, or none of its packs is valid.
    """
    policy_set, problems = _read(path)
    if not policy_set.policies and problems:
        raise problems[0]
    return policy_set.policies


def lint_policy_set(path: Path | None = None) -> list[PolicySetError]:
    """Return all errors and warnings of the policy set in `path`, or of the default policy set.

    A folder without policyset.yaml is read as a pack. Modules of built-in packs are checked too.
    For Rego that parses but does not compile, only the first error is returned.
    """
    try:
        if path is not None and is_pack(path):
            problems = _read_pack_alone(path)
        else:
            _, problems = _read(path, every_module=True)
    except PolicySetError as problem:
        return [problem]
    return problems.in_order()


def is_pack(path: Path | None) -> bool:
    """Return whether `path` is a folder without policyset.yaml, which is read as a pack."""
    return path is not None and path.is_dir() and not (path / POLICY_SET_FILE).is_file()


def _read(path: Path | None, every_module: bool = False) -> tuple[PolicySet, Problems]:
    """Return the valid part of the policy set in `path`, and its errors.

    The lint checks the modules of the user, or all modules with `every_module`.
    """
    # Imported here because a command whose policy set is in the cache starts faster without.
    from policyd.policies.completeness import pack_warnings, unused_exceptions, unused_policies
    from policyd.policies.module_checks import check_modules, correct_columns

    file = path if path is not None else built_in() / "default.yaml"
    if file.is_dir():
        file /= POLICY_SET_FILE
    problems = Problems()
    heading, rest = _documents(file, problems)
    packs = _packs(heading, file.parent, problems)
    policies = _catalogue(packs, problems)
    known = None if problems else policies  # a policy with an error is missing in `policies`
    exceptions = _exceptions(heading, rest["Exception"], known, problems)
    constraints = _constraints(rest["Constraint"], policies, known, problems)
    if not problems:
        problems.warnings += unused_policies(
            policies.values(), constraints, {pack.name for pack in packs if pack.is_built_in}
        )
        problems.warnings += unused_exceptions(exceptions, constraints)
    modules = _modules(packs, policies)
    data = _data(packs, _data_files(heading, file.parent, problems), problems)
    check_modules(packs, policies, modules, data, problems, every_module=every_module)
    correct_columns(problems, modules)
    problems.warnings += pack_warnings(packs, policies.values()) if not problems else ()
    policy_set = PolicySet(
        name=heading.name,
        revision=revision_of(heading.name, modules, data, constraints, exceptions),
        policies=policies,
        constraints=constraints,
        modules=modules,
        data=data,
        exceptions=exceptions,
    )
    return policy_set, problems.placed({pack.name: pack.folder for pack in packs})


def _read_pack_alone(folder: Path) -> Problems:
    """Return the errors of the pack in `folder`, without a policy set."""
    from policyd.policies.completeness import pack_warnings
    from policyd.policies.module_checks import check_modules, correct_columns

    problems = Problems()
    packs = [*_foundation(problems), read_pack(folder, folder.name, False, problems)]
    if not packs[-1].modules:
        raise PolicySetError(
            "the folder contains neither policyset.yaml nor Rego files", Location(str(folder))
        )
    policies = _catalogue(packs, problems)
    modules = _modules(packs, policies)
    check_modules(packs, policies, modules, _data(packs, [], problems), problems)
    correct_columns(problems, modules)
    problems.warnings += pack_warnings(packs, policies.values()) if not problems else ()
    return problems.placed({folder.name: folder})


def rego_of(
    path: Path | None = None,
) -> tuple[dict[str, str], dict[str, Path], dict[str, Policy]]:
    """Return the Rego of the policy set or the pack in `path`, even if its METADATA is invalid.

    These are modules by name, the folders of packs by name, and the valid policies by ID. Raises
    PolicySetError when there is no policy set.
    """
    problems = Problems()
    if path is not None and is_pack(path):
        packs = [*_foundation(problems), read_pack(path, path.name, False, problems)]
    else:
        file = path if path is not None else built_in() / "default.yaml"
        file = file / POLICY_SET_FILE if file.is_dir() else file
        heading, _ = _documents(file, problems)
        packs = _packs(heading, file.parent, problems)
    policies = _catalogue(packs, problems)
    return _modules(packs, policies), {pack.name: pack.folder for pack in packs}, policies


def source_paths(path: Path | None = None) -> list[Path]:
    """Return the file of the policy set in `path`, and its packs and data files, if they exist.

    Raises PolicySetError when there is no policy set.
    """
    file = path if path is not None else built_in() / "default.yaml"
    file = file / POLICY_SET_FILE if file.is_dir() else file
    heading, _ = _documents(file, Problems())
    return [file, *(file.parent / value.text() for value in (*heading.packs, *heading.data))]


def _documents(file: Path, problems: Problems) -> tuple[Heading, dict[str, list[Value]]]:
    """Return the heading in `file`, and its documents by kind."""
    found: dict[str, list[Value]] = {kind: [] for kind in KINDS}
    for document in documents(read_text(file), str(file)):
        with problems.collecting():
            found[kind_of(document)].append(document)
    headings = found["PolicySet"]
    if len(headings) != 1:
        where = headings[1].where if headings else Location(str(file), 1, 1)
        raise next(
            iter(problems),
            PolicySetError(
                f"a policy set needs exactly one document of kind PolicySet, not {len(headings)}",
                where,
            ),
        )
    return partial_heading(headings[0], problems), found


def _foundation(problems: Problems) -> list[Pack]:
    return [read_pack(built_in() / name, name, True, problems) for name in _FOUNDATION]


def _packs(heading: Heading, folder: Path, problems: Problems) -> list[Pack]:
    packs = _foundation(problems)
    for value in heading.packs:
        with problems.collecting():
            pack = _pack(value, folder, problems)
            if pack.name in {other.name for other in packs}:
                raise value.error(f"is {value.text()!r}: duplicate pack {pack.name!r}")
            packs.append(pack)
    return packs


def _pack(value: Value, folder: Path, problems: Problems) -> Pack:
    """Return the pack that `value` names: a built-in pack, or a folder below `folder`.

    A name that means both is an error: the policies of the folder would not be evaluated.
    """
    root = built_in()
    name = value.text()
    inside = root / name
    outside = folder / name
    if inside.is_dir() and outside.is_dir() and not outside.samefile(inside):
        raise value.error(
            f"is {name!r}, which is a built-in pack and also a folder beside the policy set; "
            "rename the folder"
        )
    if name.isidentifier() and inside.is_dir():
        return read_pack(inside, name, True, problems)
    if outside.is_dir():
        return read_pack(outside, type(folder)(name).as_posix(), False, problems)
    known = sorted(
        path.name
        for path in root.iterdir()
        if path.is_dir() and path.name.isidentifier() and path.name not in _FOUNDATION
    )
    raise value.error(
        f"is {name!r}, which is neither a built-in pack ({', '.join(known)}) "
        f"nor a folder beside the policy set"
    )


def _catalogue(packs: Iterable[Pack], problems: Problems) -> dict[str, Policy]:
    policies: dict[str, Policy] = {}
    for policy in (policy for pack in packs for policy in pack.policies):
        with problems.collecting():
            if policy.id in policies:
                raise PolicySetError(
                    f"duplicate policy {policy.id!r}: it is already in the pack "
                    f"{policies[policy.id].pack!r}, at {declared(policies[policy.id])}",
                    declared(policy),
                )
            policies[policy.id] = policy
    return dict(sorted(policies.items()))


def _constraints(
    found: Iterable[Value],
    policies: Mapping[str, Policy],
    known: Mapping[str, Policy] | None,
    problems: Problems,
) -> tuple[Constraint, ...]:
    """Return the constraints, and one for each plain conftest rule without a constraint."""
    schemas = known if known is None else {p.id: p.parameters for p in known.values()}
    read = (read_constraint(document, schemas, problems) for document in found)
    constraints = [constraint for constraint in read if constraint]
    with problems.collecting():
        check_names((c.name, c.location) for c in constraints)
    named = {constraint.policy for constraint in constraints}
    plain = [
        plain_constraint(policy.id, policy.plain_action, policy.module)
        for policy in policies.values()
        if policy.plain_action and policy.id not in named
    ]
    return (*constraints, *plain)


def _exceptions(
    heading: Heading,
    found: Iterable[Value],
    known: Mapping[str, Policy] | None,
    problems: Problems,
) -> tuple[PolicyException, ...]:
    max_days: dict[str, int] = {}
    with problems.collecting():
        max_days = read_max_days(heading.exceptions, known)
    read = (read_exception(document, known, max_days, problems) for document in found)
    exceptions = [exception for exception in read if exception]
    with problems.collecting():
        check_names((e.name, e.location) for e in exceptions)
    return tuple(exceptions)


def _modules(packs: Iterable[Pack], policies: Mapping[str, Policy]) -> dict[str, str]:
    modules = {name: text for pack in packs for name, text in pack.modules.items()}
    return {**modules, ROUTER: router(policies.values())}


def _data_files(heading: Heading, folder: Path, problems: Problems) -> list[Path]:
    """Return the data files that `heading` names, below `folder`."""
    found = []
    for value in heading.data:
        with problems.collecting():
            file = folder / value.text()
            if not file.is_file():
                raise value.error(
                    f"is {value.text()!r}: there is no such file beside the policy set"
                )
            found.append(file)
    return found


def _data(packs: Iterable[Pack], named: Iterable[Path], problems: Problems) -> dict[str, Any]:
    """Return the data of policyd, of `packs` and of the files `named`, merged in this order."""
    files = [built_in() / "data.yaml"]
    for pack in packs:
        files += [
            pack.folder / name
            for name in ("data.yaml", "data.json")
            if (pack.folder / name).is_file()
        ]
    merged: dict[str, Any] = {}
    for file in (*files, *named):
        with problems.collecting():
            merge_data(merged, read_data(file), file)
    return merged


def merge_data(
    into: dict[str, Any], new: Mapping[str, Any], file: Path, at: tuple[str, ...] = ()
) -> None:
    """Merge `new`, the data of `file`, into `into`. A new value replaces an old one.

    Raises PolicySetError where one value is a mapping and the other is not.
    """
    for key, value in new.items():
        old = into.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merge_data(old, value, file, (*at, key))
        elif key in into and isinstance(old, dict) != isinstance(value, dict):
            raise PolicySetError(
                f"{'.'.join((*at, key))} is a mapping in one data file but not in another",
                Location(str(file)),
            )
        else:
            into[key] = value
