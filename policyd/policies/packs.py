"""Read packs: folders of Rego, in which the METADATA comment of a package describes a policy.

In: folders. Out: Pack, with the text of its modules and its policies. In a package outside
`policyd`, each plain conftest rule is a policy. Nothing is evaluated here. Errors: PolicySetError
with file, line and column.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import msgspec

from policyd.errors import PolicySetError
from policyd.lazy_pattern import lazy_pattern
from policyd.model import Location, Severity
from policyd.policies.annotations import Author, Comment, comments, read_annotations
from policyd.policies.parameters import Schema, read_schemas
from policyd.policies.problems import Problems
from policyd.policies.yaml_documents import Value, documents, required

if TYPE_CHECKING:
    from pathlib import Path

    from policyd.policies.syntax_tree import Module

POLICY_PACKAGE: Final = "policyd.policies."
DATA_ROOT: Final = "policyd"
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)

_PACKAGES: Final = ("policyd.policies.", "policyd.lib.")
_RESERVED: Final = "system"
"""The root package that OPA reserves for itself."""

_CUSTOM: Final = ("id", "severity", "remediation", "references", "parameters", "environment")
_PACKAGE: Final = lazy_pattern(r"^package +([A-Za-z0-9_.]+)", re.MULTILINE)
ID: Final = lazy_pattern(r"[a-z0-9]+(-[a-z0-9]+)*")
_ID_LINE: Final = lazy_pattern(r"^ +id:", re.MULTILINE)
_PLAIN_RULE: Final = lazy_pattern(r"(deny|violation|warn)(_[A-Za-z0-9]+)*")


class Policy(msgspec.Struct, frozen=True):
    """One policy, as its METADATA describes it.

    `environment` names the variables that the policy reads; a name that ends in `*` is a prefix.
    `module` is the name of its file in the policy set, `source` its text. `rule` is the rule that
    reports violations. `plain_action` is the enforcement action of a plain conftest rule without a
    constraint, and "" for other policies.
    """

    id: str
    title: str
    description: str
    severity: Severity
    remediation: str
    references: tuple[str, ...]
    parameters: dict[str, Schema]
    environment: tuple[str, ...]
    pack: str
    module: str
    source: str
    rule: str
    plain_action: Literal["", "deny", "warn"] = ""
    authors: tuple[Author, ...] = ()
    organizations: tuple[str, ...] = ()

    @property
    def owners(self) -> tuple[str, ...]:
        """The organizations and the authors, as texts."""
        return (*self.organizations, *map(str, self.authors))


class Pack(msgspec.Struct, frozen=True):
    """A folder of Rego: the text of its modules by name, without tests, and its policies."""

    name: str
    folder: Path
    is_built_in: bool
    modules: dict[str, str]
    policies: tuple[Policy, ...]


def built_in() -> Path:
    """Return the folder of the built-in packs: in the wheel, or in a checkout."""
    from pathlib import Path  # here: pathlib is slow to import, and a kept policy set needs none

    package = Path(__file__).parent.parent
    inside = package / "_policies"
    return inside if inside.is_dir() else package.parent / "policies"


def built_in_packs() -> list[Pack]:
    """Return all built-in packs, in order of their names. Raises PolicySetError."""
    problems = Problems()
    folders = [path for path in built_in().iterdir() if path.is_dir() and path.name.isidentifier()]
    packs = [read_pack(folder, folder.name, True, problems) for folder in sorted(folders)]
    for problem in problems:
        raise problem
    return packs


def read_pack(folder: Path, name: str, is_built_in: bool, problems: Problems) -> Pack:
    """Return the pack in `folder`. Its modules are named `name`/<path below the folder>.

    Invalid policies are left out and added to `problems`. Raises PolicySetError for files that
    cannot be read.
    """
    modules = {
        f"{name}/{path.relative_to(folder).as_posix()}": read_text(path)
        for path in rego_files(folder)
        if not path.name.endswith("_test.rego")
    }
    policies = tuple(read_policies(modules, name, problems))
    return Pack(name, folder, is_built_in, modules, policies)


def read_policies(modules: Mapping[str, str], pack: str, problems: Problems) -> Iterator[Policy]:
    """Yield the policies in `modules`, text by name. Errors are added to `problems`."""
    plain: dict[str, Policy] = {}
    for module, text in modules.items():
        package = package_of(text)
        with problems.collecting():
            if package.startswith(POLICY_PACKAGE) or (is_plain(package) and _has_id(module, text)):
                policy, found = _read_policy(module, text, pack)
                problems.extend(found)
                if policy:
                    yield policy
            elif is_plain(package):
                for policy in _plain_rules(module, text, pack):
                    plain.setdefault(policy.rule, policy)
    yield from plain.values()


def is_plain(package: str) -> bool:
    """Return whether a package holds plain conftest rules: it is outside `policyd`."""
    return package.split(".")[0] != DATA_ROOT


def policy_in(package: str) -> str:
    """Return the ID that the policy in `package` (with `data.` or without) must have, or ""."""
    _, root, name = package.partition(POLICY_PACKAGE)
    return name.replace("_", "-") if root else ""


def declared(policy: Policy) -> Location:
    """Return where `policy` is declared: its package."""
    found = _PACKAGE.search(policy.source)
    line = policy.source.count("\n", 0, found.start()) + 1 if found else 0
    return Location(policy.module, line, 1 if line else 0)


def check_package(module: Module, taken: Container[str]) -> None:
    """Raise PolicySetError for a package that modules of the user must not use."""
    from policyd.policies.syntax_tree import place

    package = module.package.removeprefix("data.")
    where = place(module.tree["package"]["refr"], module.file)
    if module.package in taken:
        raise PolicySetError(f"the package {package} is reserved for policyd", where)
    if is_plain(package):
        if package.split(".")[0] == _RESERVED:
            raise PolicySetError(f"the package is {package}, but OPA reserves {_RESERVED}", where)
    elif not package.startswith(_PACKAGES):
        raise PolicySetError(
            f"the package is {package}: a package below {DATA_ROOT} must start with "
            f"{' or '.join(_PACKAGES)}",
            where,
        )


def rego_files(folder: Path) -> Iterator[Path]:
    """Yield the Rego files below `folder`, in order of their paths."""
    yield from sorted(path for path in folder.rglob("*.rego") if path.is_file())


def read_text(path: Path) -> str:
    """Return the text of a file. Raises PolicySetError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise PolicySetError(f"cannot be read: {reason}", Location(str(path))) from error


def read_data(path: Path) -> dict[str, Any]:
    """Return the mapping in a data file, YAML or JSON. Its only top-level key is `policyd`."""
    # Imported here because a command whose policy set is in the cache starts faster without.
    from policyd.policies.organisation_data import check_organisation_data

    found = documents(read_text(path), str(path))
    if len(found) != 1:
        raise PolicySetError(
            f"a data file must have exactly one YAML document, not {len(found)}",
            Location(str(path)),
        )
    found[0].mapping((DATA_ROOT,))
    check_organisation_data(found[0])
    plain: dict[str, Any] = found[0].plain()
    return plain


def package_of(text: str) -> str:
    """Return the package of a module, or "" when it does not declare one."""
    found = _PACKAGE.search(text)
    return found[1] if found else ""


def _metadata(module: str, text: str) -> Comment | None:
    """Return the METADATA comment of the package: the last one above it."""
    found = [comment for comment in comments(module, text) if comment.is_of_package]
    return found[-1] if found else None


def _has_id(module: str, text: str) -> bool:
    found = _metadata(module, text)
    return bool(found and _ID_LINE.search(found.lines))


def _plain_rules(module: str, text: str, pack: str) -> Iterator[Policy]:
    from policyd.policies.syntax_tree import parse

    parsed = parse(module, text)
    package = parsed.package.removeprefix("data.")
    for name, line, is_set in parsed.results():
        found = _PLAIN_RULE.fullmatch(name)
        if not found:
            continue
        if not is_set:
            raise PolicySetError(
                f"{name} must be a set of messages; write `{name} contains msg if {{ … }}`",
                Location(module, line, 1),
            )
        yield Policy(
            id=re.sub("[^a-z0-9]+", "-", f"{package}-{name}".lower()),
            title=f"Rule {name} of the package {package}",
            description=f"The plain conftest rule {parsed.package}.{name}.",
            severity="medium",
            remediation="See the message.",
            references=(),
            parameters={},
            environment=(),
            pack=pack,
            module=module,
            source=text,
            rule=f"{parsed.package}.{name}",
            plain_action="warn" if found[1] == "warn" else "deny",
        )


@lru_cache(maxsize=512)
def _read_policy(module: str, text: str, pack: str) -> tuple[Policy | None, Problems]:
    """Return the policy in the module named `module`, and its errors.

    A reload reads only the policies that changed.
    """
    problems = Problems()
    found = _metadata(module, text)
    if not found:
        line = text[: text.index("package ")].count("\n") + 1
        raise PolicySetError(
            "a policy must have a `# METADATA` comment above its package", Location(module, line, 1)
        )
    block = found.content()
    annotations = read_annotations(block, "package", problems)
    keys = annotations.keys
    if "custom" not in keys and found.next_comment:
        raise PolicySetError(
            "a blank line ends the METADATA comment above; remove the blank line",
            Location(module, found.next_comment, 1),
        )
    custom_value = required(keys, "custom", block)
    custom = custom_value.known(_CUSTOM, problems)
    policy = Policy(
        id=problems.attempt(lambda: _id(custom, custom_value, package_of(text)), ""),
        title=problems.attempt(partial(_required_text, keys, "title", block), ""),
        description=problems.attempt(partial(_required_text, keys, "description", block), ""),
        severity=problems.attempt(lambda: _severity(custom, custom_value), "low"),
        remediation=problems.attempt(
            partial(_required_text, custom, "remediation", custom_value), ""
        ),
        references=problems.attempt(
            lambda: (*annotations.related_resources, *_texts(custom, "references")), ()
        ),
        parameters=_parameters(custom, problems),
        environment=problems.attempt(lambda: _texts(custom, "environment"), ()),
        authors=annotations.authors,
        organizations=annotations.organizations,
        pack=pack,
        module=module,
        source=text,
        rule=f"data.{package_of(text)}.violation",
    )
    return None if problems else policy, problems


def _required_text(keys: Mapping[str, Value], key: str, of: Value) -> str:
    return required(keys, key, of).text()


def _texts(keys: Mapping[str, Value], key: str) -> tuple[str, ...]:
    return keys[key].texts() if key in keys else ()


def _id(custom: Mapping[str, Value], of: Value, package: str) -> str:
    name = required(custom, "id", of)
    if not ID.fullmatch(name.text()):
        raise name.error(f"is {name.text()!r}: use lower-case letters, digits and dashes")
    wanted = POLICY_PACKAGE + name.text().replace("-", "_")
    if package != wanted:
        raise name.error(f"is {name.text()!r}, so the package must be {wanted}, not {package}")
    return name.text()


def _severity(custom: Mapping[str, Value], of: Value) -> Severity:
    severity = required(custom, "severity", of).one_of(SEVERITIES)
    return next(known for known in SEVERITIES if known == severity)


def _parameters(custom: Mapping[str, Value], problems: Problems) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    with problems.collecting():
        found = read_schemas(custom["parameters"]) if "parameters" in custom else {}
    return found
