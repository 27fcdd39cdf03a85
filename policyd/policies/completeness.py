"""Find policies and packs that can never report anything.

In: the policies, packs, constraints and syntax trees of a policy set. Out: errors for policies
without a rule `violation`, warnings for packs without policies, for policies that no constraint
names, and for policies without tests.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from policyd.errors import PolicySetError, PolicySetWarning
from policyd.lazy_pattern import lazy_pattern
from policyd.model import Location
from policyd.policies.exceptions import PolicyException
from policyd.policies.manifests import Constraint
from policyd.policies.packs import Pack, Policy, declared, package_of

if TYPE_CHECKING:
    from policyd.policies.syntax_tree import Module

_RULE = "violation"
_EXCEPTION_RULE = lazy_pattern(r"^exception\b", re.MULTILINE)
_WRITE = f"write `{_RULE} contains {{…}} if {{ … }}`"


def silent_policies(
    policies: Iterable[Policy], modules: Mapping[str, Module]
) -> Iterator[PolicySetError]:
    """Yield an error for each policy without a set `violation`. `modules` are by file name."""
    for policy in policies:
        module = modules.get(policy.module)
        if policy.plain_action or module is None:
            continue
        rules = [
            (name, line, is_set)
            for other in modules.values()
            if other.package == module.package
            for name, line, is_set in other.results()
        ]
        own = [(line, is_set) for name, line, is_set in rules if name == _RULE]
        if not own:
            names = {name for name, _, _ in rules} & {"deny", "warn", "violations", "allow"}
            hint = f"; rename {min(names)} to {_RULE}" if names else f"; {_WRITE}"
            yield PolicySetError(
                f"the policy {policy.id} has no rule {_RULE}{hint}", declared(policy)
            )
        for line, is_set in own:
            if not is_set:
                yield PolicySetError(
                    f"{_RULE} must be a set of objects; {_WRITE}", Location(policy.module, line, 1)
                )


def pack_warnings(packs: Sequence[Pack], policies: Iterable[Policy]) -> Iterator[PolicySetWarning]:
    """Yield the warnings about packs of the user.

    These are packs without policies, policies without tests, and rules that have no effect.
    """
    yield from _empty_packs(packs)
    yield from _exception_rules(packs)
    yield from _untested_policies(policies, packs)


def _empty_packs(packs: Iterable[Pack]) -> Iterator[PolicySetWarning]:
    """Yield a warning for each pack of the user without policies that no other pack imports."""
    found = list(packs)
    for pack in found:
        if pack.is_built_in or pack.policies:
            continue
        if not pack.modules:
            yield PolicySetWarning("the pack has no Rego files", Location(str(pack.folder)))
        elif not _is_library(pack, (other for other in found if other is not pack)):
            yield PolicySetWarning(
                "the pack has no policies; a policy is a package policyd.policies.<id> with "
                "METADATA, or a package outside policyd with a rule deny, violation or warn",
                Location(str(pack.folder)),
            )


def _exception_rules(packs: Iterable[Pack]) -> Iterator[PolicySetWarning]:
    """Yield a warning for each rule `exception` of conftest."""
    for pack in packs:
        for name, text in () if pack.is_built_in else pack.modules.items():
            found = _EXCEPTION_RULE.search(text)
            if found and package_of(text).partition(".")[0] != "policyd":
                line = text.count("\n", 0, found.start()) + 1
                yield PolicySetWarning(
                    "the rule exception of conftest has no effect here; write a document "
                    "`kind: Exception` in the policy set, with an owner and an expiry",
                    Location(name, line, 1),
                )


def unused_policies(
    policies: Iterable[Policy], constraints: Iterable[Constraint], built_in: Collection[str]
) -> Iterator[PolicySetWarning]:
    """Yield a warning for each policy that no constraint names, except in `built_in` packs."""
    named = {constraint.policy for constraint in constraints}
    for policy in policies:
        if policy.id not in named and policy.pack not in built_in:
            yield PolicySetWarning(
                f"no constraint names the policy {policy.id}, so it is not evaluated; add a "
                "Constraint to the policy set",
                declared(policy),
            )


def unused_exceptions(
    exceptions: Iterable[PolicyException], constraints: Iterable[Constraint]
) -> Iterator[PolicySetWarning]:
    """Yield a warning for each exception from a policy that no constraint names."""
    named = {constraint.policy for constraint in constraints}
    for exception in exceptions:
        for policy in exception.policies:
            if policy not in named:
                yield PolicySetWarning(
                    f"no constraint names the policy {policy}, so the exception {exception.name} "
                    "from it has no effect",
                    exception.location,
                )


def _untested_policies(
    policies: Iterable[Policy], packs: Iterable[Pack]
) -> Iterator[PolicySetWarning]:
    """Yield a warning for each policy of the user without a test and without a sample."""
    folders = {pack.name: pack.folder for pack in packs if not pack.is_built_in}
    for policy in policies:
        folder = folders.get(policy.pack)
        if folder is None or policy.plain_action:
            continue
        place = (folder / policy.module.removeprefix(f"{policy.pack}/")).parent
        if not any(place.glob("*_test.rego")) and not any(place.glob("samples/*")):
            yield PolicySetWarning(
                f"the policy {policy.id} has neither a test nor a sample; add policy_test.rego or "
                "samples beside it",
                declared(policy),
            )


def _is_library(pack: Pack, others: Iterable[Pack]) -> bool:
    """Return whether Rego of `others` refers to a package of `pack`."""
    packages = {f"data.{package_of(text)}" for text in pack.modules.values()}
    texts = [text for other in others for text in other.modules.values()]
    return any(package in text for package in packages for text in texts)
