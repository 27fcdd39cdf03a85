"""Rego modules at random, of the kinds that are evaluated without an engine, and of similar ones.

In: a random number generator. Out: the text of a module with the rule `violation`, which has helper
rules and functions. Many modules have references to nothing, values of other types than functions
take, and definitions that are in conflict: what these mean is the question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

KINDS = ("text", "number", "bool", "list", "set", "object", "null")
CONSTANTS = {
    "text": ('"a"', '"nvidia"', '"nv"', '"ia"', '"a/nv"', '""', '"x=a"', "`raw`", '"é"', '"/"'),
    "number": ("0", "1", "2", "3", "9007199254740991"),
    "bool": ("true", "false"),
    "list": ("[]", '["a", "0"]', "[1, 2, 2]", '[["a", 1], ["b", 2]]'),
    "set": ('{"a"}', '{1, "a"}', '{"gpu", "utility"}', "set()"),
    "object": ('{"a": 1}', "{}", '{"A": "1", "b": ["a"]}', '{"a": {"b": 2}}'),
    "null": ("null",),
}
PATTERNS = ('"^/dev"', '"[a-z]+$"', '"a|b"', '"^$"', '"(?i)web"', '"."', '"x?"', "`^a.c$`", '""')
FORMATS = (("%s", ("text",)), ("%d", ("number",)), ("a%sb%d", ("text", "number")), ("x", ()))
WORKLOAD = {
    "text": ("name", "image", "user", "runtime", "title", "pid", "nothing"),
    "bool": ("privileged", "tty", "use_api_socket"),
    "number": ("replicas",),
    "list": ("cap_add", "mounts", "devices", "device_requests", "security_opt", "path", "grants"),
    "object": ("environment", "labels", "image_config"),
}
ITEM = ("source", "target", "type", "read_only", "host_class", "driver", "count", "node", "method")


class Program:
    """Writes one module."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._variables: list[tuple[str, str]] = []
        self._rules: list[tuple[str, str]] = []
        self._functions: list[tuple[str, int]] = []
        self._count = 0

    def module(self, package: str) -> str:
        """Return the text of the module."""
        helpers = [self._helper(f"h{number}") for number in range(self._random.randint(0, 3))]
        rules = [self._violation() for _ in range(self._random.randint(1, 2))]
        return "\n\n".join([f"package {package}", "import rego.v1", *helpers, *rules]) + "\n"

    def _violation(self) -> str:
        body = self._body(self._random.choice((1, 1, 2, 3)), 2)
        return f"violation contains {self._value('any', 3)} if {body}"

    def _helper(self, name: str) -> str:
        kind = self._random.choice(KINDS)
        way = self._random.randrange(6)
        if way == 0:
            text = self._function(name)
        elif way == 1:
            body = self._body(2, 1)
            text, kind = f"{name} contains {self._value('any', 1)} if {body}", "set"
        elif way == 2:
            body, key = self._body(1, 1), self._value("text", 1)
            text, kind = f"{name}[{key}] := {self._value('any', 1)} if {body}", "object"
        elif way == 3:
            self._variables = []
            text = f"{name} := {self._value(kind, 2)}"
        else:
            body = self._body(2, 1)
            text = f"{name} := {self._value(kind, 1)} if {body}"
            self._variables = []
            text += f" else := {self._value(kind, 1)}" if way == 5 else ""
        self._variables = []
        if way:
            self._rules.append((name, kind))
        return text

    def _function(self, name: str) -> str:
        count = self._random.randint(1, 2)
        texts = []
        for _ in range(self._random.randint(1, 2)):
            arguments = [
                self._random.choice((f"p{number}", f"p{number}", f"p{number}", '"a"', "_"))
                for number in range(count)
            ]
            self._variables = [(one, "any") for one in arguments if one.startswith("p")]
            statements = [self._statement(1) for _ in range(self._random.randint(0, 2))]
            head = f"{name}({', '.join(arguments)}) := {self._value('any', 1)}"
            texts.append(head + (f" if {_block(statements)}" if statements else ""))
        self._functions.append((name, count))
        return "\n\n".join(texts)

    def _body(self, count: int, depth: int) -> str:
        self._variables = []
        return _block([self._statement(depth) for _ in range(count)])

    def _statement(self, depth: int) -> str:
        way = self._random.random()
        if way < 0.35:
            return self._loop(depth)
        if way < 0.5:
            kind = self._random.choice(KINDS)
            value, name = self._value(kind, depth), self._new()
            self._variables.append((name, kind))
            return f"{name} := {value}"
        # The lint refuses `not` before most operands that are not constants.
        return f"not {self._test(depth // 2)}" if way < 0.6 else self._test(depth)

    def _loop(self, depth: int) -> str:
        collection, kind = self._collection(depth)
        names = [self._new() for _ in range(self._random.choice((1, 1, 1, 2)))]
        self._variables += [(name, "any") for name in names[:-1]] + [(names[-1], kind)]
        if len(names) > 1 and self._random.random() < 0.3:
            return f"some [{', '.join(names)}] in {collection}"
        return f"some {', '.join(names)} in {collection}"

    def _collection(self, depth: int) -> tuple[str, str]:
        workloads = [name for name, kind in self._variables if kind == "workload"]
        if workloads and self._random.random() < 0.6:
            return (
                f"{self._random.choice(workloads)}.{self._random.choice(WORKLOAD['list'])}",
                "item",
            )
        if self._random.random() < 0.6:
            return "input.workloads", "workload"
        return self._value(self._random.choice(("list", "set", "object")), depth), "any"

    def _test(self, depth: int) -> str:
        kind = self._random.choice((*KINDS, "text", "number", "number"))
        left, right = self._value(kind, depth), self._value(kind, depth)
        compared = f"{left} {self._random.choice(('==', '!=', '<', '<=', '>', '>='))} {right}"
        collection = self._value(self._random.choice(("list", "set", "object")), depth)
        return self._random.choice(
            (compared, f"{left} in {collection}", self._value("bool", depth))
        )

    def _value(self, kind: str, depth: int) -> str:
        """Return an expression whose value is of `kind`, most often."""
        if kind == "any" or self._random.random() < 0.03:
            kind = self._random.choice(KINDS)
        known = self._known(kind)
        if known and self._random.random() < 0.6:
            return self._random.choice(known)
        if depth <= 0 or kind == "null":
            return self._random.choice(CONSTANTS[kind])
        if self._functions and self._random.random() < 0.15:
            name, count = self._random.choice(self._functions)
            return f"{name}({', '.join(self._value('any', depth - 1) for _ in range(count))})"
        return self._random.choice(self._ways(kind))(depth - 1)

    def _known(self, kind: str) -> list[str]:
        """Return variables, rules and references whose value is of `kind`, perhaps."""
        found = [name for name, of in self._variables if of in (kind, "any")]
        found += [name for name, of in self._rules if of == kind]
        for name, of in self._variables:
            if of == "workload" and kind in WORKLOAD:
                found.append(f"{name}.{self._random.choice(WORKLOAD[kind])}")
            elif of == "item":
                found.append(f"{name}.{self._random.choice(ITEM)}")
        return found

    def _call(self, name: str, *kinds: str) -> Callable[[int], str]:
        return lambda depth: f"{name}({', '.join(self._value(kind, depth) for kind in kinds)})"

    def _infix(self, operator: str, kind: str) -> Callable[[int], str]:
        return lambda depth: f"({self._value(kind, depth)} {operator} {self._value(kind, depth)})"

    def _ways(self, kind: str) -> Sequence[Callable[[int], str]]:
        """Return functions that return expressions of `kind` with operands of a depth."""
        call, infix = self._call, self._infix
        some = self._random.choice(("list", "set"))
        if kind == "text":
            trimmed = ("trim_prefix", "trim_suffix", "trim_left", "trim_right")
            return (
                *(call(name, "text") for name in ("lower", "upper", "trim_space")),
                *(call(name, "text", "text") for name in trimmed),
                call("replace", "text", "text", "text"),
                call("concat", "text", some),
                call("substring", "text", "number", "number"),
                call("object.get", "object", "text", "text"),
                lambda depth: (
                    f'split({self._value("text", depth)}, "/")[{self._random.randint(0, 1)}]'
                ),
                self._sprintf,
            )
        if kind == "number":
            return (
                call("count", self._random.choice(("list", "set", "object", "text"))),
                lambda _: f'to_number("{self._random.choice(("0", "12", "1x"))}")',
                call("indexof", "text", "text"),
                *(self._of_numbers(name) for name in ("sum", "max", "min")),
                *(infix(operator, "number") for operator in "+-*"),
            )
        if kind == "bool":
            tests = ("startswith", "endswith", "contains")
            return (
                *(call(name, "text", "text") for name in tests),
                *(call(name, "any") for name in ("is_string", "is_array", "is_object")),
                lambda depth: (
                    f"regex.match({self._random.choice(PATTERNS)}, {self._value('text', depth)})"
                ),
            )
        if kind == "list":
            return (
                call("split", "text", "text"),
                call("array.concat", "list", "list"),
                lambda depth: f"sort({self._call('split', 'text', 'text')(depth)})",
                lambda depth: self._listed("[]", depth),
                lambda depth: self._comprehension("[]", depth),
            )
        if kind == "set":
            return (
                *(infix(operator, "set") for operator in "|&-"),
                call("object.keys", "object"),
                lambda depth: self._listed("{}", depth),
                lambda depth: self._comprehension("{}", depth),
            )
        return (
            call("object.union", "object", "object"),
            lambda depth: f"{{{self._value('text', depth)}: {self._value('any', depth)}}}",
            lambda depth: self._comprehension("{}", depth, is_object=True),
        )

    def _of_numbers(self, name: str) -> Callable[[int], str]:
        return lambda depth: (
            f"{name}([{self._value('number', depth)}, {self._value('number', depth)}])"
        )

    def _sprintf(self, depth: int) -> str:
        text, kinds = self._random.choice(FORMATS)
        return f'sprintf("{text}", [{", ".join(self._value(kind, depth) for kind in kinds)}])'

    def _listed(self, brackets: str, depth: int) -> str:
        values = [self._value("any", depth) for _ in range(self._random.randint(1, 3))]
        return f"{brackets[0]}{', '.join(values)}{brackets[1]}"

    def _comprehension(self, brackets: str, depth: int, *, is_object: bool = False) -> str:
        outer = list(self._variables)
        statements = "; ".join(self._statement(depth) for _ in range(self._random.randint(1, 2)))
        term = self._value("any", depth)
        if is_object:
            term = f"{self._value('text', depth)}: {term}"
        self._variables = outer
        return f"{brackets[0]}{term} | {statements}{brackets[1]}"

    def _new(self) -> str:
        self._count += 1
        return f"x{self._count}"


def _block(statements: Sequence[str]) -> str:
    lines = "\n".join(f"\t{each}" for each in statements)
    return f"{{\n{lines}\n}}"
