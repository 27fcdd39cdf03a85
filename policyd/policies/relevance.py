"""Which policies need an engine, and what the others report.

In: a policy set, once; the input document of a review. Out: the findings of policies that consist
of simple statements, and the ids of those that an engine must evaluate. Most rules begin with
simple statements: `some w in input.workloads`, `w.privileged`, `grant.method == "cdi"`. These are
evaluated in Python, up to the first statement that is not simple. If they hold for no values of
their variables, then the rule reports nothing, whatever follows, and an engine would stop at the
same statement. If all are simple, and what the rule reports too, then its findings are known. In
doubt an engine evaluates the policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from policyd.lazy_pattern import lazy_pattern
from policyd.model import Finding
from policyd.policies.packs import Policy
from policyd.policies.policy_set import PolicySet
from policyd.policies.rego_values import Doubt
from policyd.policies.review_fields import without_comments, without_texts
from policyd.policies.router import ROUTER
from policyd.policies.simple_reader import Reader
from policyd.policies.simple_rules import ModuleRules, PolicySetRules
from policyd.policies.simple_statements import Body, Scope
from policyd.policies.syntax_tree import Tree, head_of, parse
from policyd.policy_input import PolicyInput

_TEXTS: Final = frozenset({"msg", "service", "constraint", "remediation"})
"""Fields of a finding that are texts."""
_KEYS: Final = (str, int)
"""Types of the keys of a path."""

RESERVED: Final = frozenset({"input", "data"})
"""Names that simple statements use."""

_UNKNOWN_USE: Final = lazy_pattern(
    r"\binput\b(?!\.[A-Za-z_])|\binput\.constraints\b(?!\[\"[^\"\n]*\"\])"
)
"""A use of the whole input, or of other constraints than those of one policy."""
_CONSTRAINTS: Final = lazy_pattern(r"\binput\.constraints\[\"([^\"\n]*)\"\]")


class Relevance:
    """Knows which policies of one policy set may report a violation. Threads may share it."""

    def __init__(self, policy_set: PolicySet) -> None:
        """Read the rules of `policy_set`, which takes as long as dozens of evaluations."""
        self._bodies: Mapping[str, tuple[Body, ...]] = dict(_bodies_by_policy(policy_set))

    def evaluate(self, document: PolicyInput) -> tuple[list[Finding], frozenset[str]]:
        """Return the findings of policies of `document.constraints`, and those to be evaluated.

        All others report no more than these findings.
        """
        bodies, scope = self._bodies, Scope(document)
        found: list[Finding] = []
        asked = set()
        for policy in document.constraints:
            try:
                found += _findings(policy, bodies[policy], scope)
            except (KeyError, Doubt):
                asked.add(policy)
        return found, frozenset(asked)


def _bodies_by_policy(policy_set: PolicySet) -> Iterator[tuple[str, tuple[Body, ...]]]:
    """Yield the bodies of the rule of each policy of which nothing else can report.

    Without the constraints of a policy that is not relevant, other policies must report the same.
    """
    if any(map(_is_unknown, policy_set.modules.values())) or _reads_of_others(policy_set):
        return
    rules = PolicySetRules(policy_set.modules, policy_set.data)
    packages = [package for package, files in rules.files.items() for _ in files]
    for policy in policy_set.policies.values():
        package, _, name = policy.rule.removeprefix("data.").rpartition(".")
        others = [other for other in packages if other == package or _is_around(other, package)]
        if others != [package] or policy.plain_action:
            continue
        try:
            yield (
                policy.id,
                tuple(_bodies(policy, name, policy_set.modules[policy.module], rules)),
            )
        except (Doubt, RecursionError):  # an expression may have many parts
            continue


def _findings(policy: str, bodies: Iterable[Body], scope: Scope) -> list[Finding]:
    """Return what `policy` reports, each finding once. Raises Doubt."""
    found: dict[Finding, None] = {}
    for body in bodies:
        for value in body.values(scope):
            found[_finding(policy, value, scope)] = None
    return list(found)


def _finding(policy: str, value: Any, scope: Scope) -> Finding:
    """Return `value` as the finding that it is in JSON. Raises Doubt for other values."""
    if type(value) is not dict or "msg" not in value:
        raise Doubt
    path: Any = ()
    texts: dict[str, str] = {}
    for key, each in value.items():
        if key in _TEXTS and type(each) is str:
            texts[key] = scope.counted(each)
        elif key == "path" and isinstance(each, (list, tuple)):
            path = tuple(each)
        else:
            raise Doubt
    if not all(type(key) in _KEYS for key in path):
        raise Doubt
    return Finding(policy, path=path, **texts)


def _is_unknown(text: str) -> bool:
    return _UNKNOWN_USE.search(without_texts(text)) is not None


def _reads_of_others(policy_set: PolicySet) -> bool:
    """Return whether a module of `policy_set` reads the constraints of another's policy."""
    own = {(policy.module, policy.id) for policy in policy_set.policies.values()}
    return any(
        (module, policy) not in own
        for module, text in policy_set.modules.items()
        if module != ROUTER
        for policy in _CONSTRAINTS.findall(without_comments(text))
    )


def _bodies(policy: Policy, name: str, text: str, rules: PolicySetRules) -> Iterator[Body]:
    """Yield the bodies of the rule `name`.

    Raises Doubt for a rule that is not a set, and for a module that gives RESERVED another meaning.
    """
    module = parse(policy.module, text)
    if RESERVED & {*module.rules, *module.functions, *module.imports}:
        raise Doubt
    for rule in module.tree["rules"]:
        (kind, definition), *_ = rule.items()
        if not _defines(head_of(rule), name):
            continue
        if kind != "Spec" or "Set" not in definition["head"] or not definition["bodies"]:
            raise Doubt
        for body in definition["bodies"]:
            if body["is_else"]:
                raise Doubt
            reader = Reader(ModuleRules(rules, module))
            yield reader.beginning(body["query"]["stmts"], definition["head"]["Set"]["key"])


def _defines(head: Tree, name: str) -> bool:
    """Return whether a rule with this reference in its head may add to the rule `name`."""
    while "Var" not in head:
        if not head.keys() & {"RefDot", "RefBrack"}:
            raise Doubt
        (_, inner), *_ = head.items()
        head = inner["refr"]
    return bool(head["Var"]["value"] == name)


def _is_around(package: str, inner: str) -> bool:
    return inner.startswith(f"{package}.")
