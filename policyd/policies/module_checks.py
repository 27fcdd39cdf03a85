"""Check the Rego of a policy set: packages, METADATA comments, cycles, and what the lint reports.

In: packs, and the modules and data of the policy set. Out: errors, in `problems`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from policyd.errors import PolicySetError
from policyd.model import Location
from policyd.policies.annotations import comment_problems
from policyd.policies.completeness import silent_policies
from policyd.policies.packs import Pack, Policy, check_package, policy_in
from policyd.policies.problems import Problems
from policyd.policies.router import ROUTER
from policyd.policies.syntax_hints import in_characters
from policyd.policies.syntax_tree import TOO_DEEP, Module, depth, parse


def correct_columns(problems: Problems, modules: Mapping[str, str]) -> None:
    """Correct the columns of the problems in `modules`: regorus counts a tab as several."""
    for number, problem in enumerate(problems):
        where = problem.where
        if where and where.file in modules:
            corrected = in_characters(modules[where.file], where)
            problems[number] = PolicySetError(problem.message, corrected)


def check_modules(
    packs: Sequence[Pack],
    policies: Mapping[str, Policy],
    modules: Mapping[str, str],
    data: Mapping[str, Any],
    problems: Problems,
    *,
    every_module: bool = False,
) -> None:
    """Add the errors in the Rego and the METADATA of the user to `problems`.

    `policies` are those whose METADATA is valid. Modules of built-in packs are only checked with
    `every_module`: the tests of policyd check them.
    """
    users = {name for pack in packs if not pack.is_built_in for name in pack.modules}
    own = modules.keys() - {ROUTER} if every_module else users
    if not own:
        return
    # Imported here because built-in policy sets do not need it, and `check` starts faster without.
    from policyd.policies import lint
    from policyd.policies.cycles import dependency_problems

    parsed: dict[str, Module] = {}
    for name, text in modules.items():
        with problems.collecting():
            parsed[name] = parse(name, text)
    taken = {module.package for name, module in parsed.items() if name not in users}
    for name in sorted(users & parsed.keys()):
        with problems.collecting():
            check_package(parsed[name], taken)
    checked = {name: parsed[name] for name in sorted(own & parsed.keys())}
    with_policy = {policy.module for policy in policies.values() if not policy.plain_action}
    for name in sorted(users):
        problems += comment_problems(name, modules[name], of_policy=name in with_policy)
    unread = (policy_in(module.package) for module in parsed.values())
    schemas = {
        **dict.fromkeys(filter(None, unread)),  # policies whose METADATA has an error
        **{policy.id: policy.parameters for policy in policies.values()},
    }
    try:
        problems += dependency_problems(parsed)
        problems += lint.problems(parsed, checked, data, schemas)
    except RecursionError:
        deepest = max(parsed, key=lambda name: depth(parsed[name].tree))
        problems.append(PolicySetError(TOO_DEEP, Location(deepest)))
    if len(parsed) == len(modules):  # otherwise the rule may be in a file that does not parse
        own_policies = [policy for policy in policies.values() if policy.module in own]
        problems += silent_policies(own_policies, parsed)
    if len(parsed) == len(modules) and not problems:
        with problems.collecting():
            lint.compiles(modules, data)
