"""Rego that regorus reads differently from OPA is refused, each kind with what to write instead."""

from __future__ import annotations

from tests.support.cases import cases
from tests.support.linted import lint

REFUSED = {
    "x if not startswith(input.workloads[0].labels.a, `b`)": (
        "the engines evaluate `not` differently if input.workloads[0].labels.a is undefined; write "
        "`value := input.workloads[0].labels.a` before, and use value after `not`"
    ),
    "x if not input.project.services.web.scale > 1": (
        "the engines evaluate `not` differently if input.project.services.web.scale is undefined; "
        "write `value := input.project.services.web.scale` before, and use value after `not`"
    ),
    "x if { not `a` in input.project.services.web.cap_add }": (
        "the engines evaluate `not` differently if input.project.services.web.cap_add is "
        "undefined; write `value := input.project.services.web.cap_add` before, and use value "
        "after `not`"
    ),
    "f(v) if v == 1\nr := 1 if input.review.dryRun\nx if not f(r)": (
        "the engines evaluate `not` differently if r is undefined; write `value := r` before, and "
        "use value after `not`"
    ),
    "f(v) := 1 if v == 1\nx if not is_string(f(2))": (
        "the engines evaluate `not` differently if f(2) is undefined; write `value := f(2)` "
        "before, and use value after `not`"
    ),
    "r := split(input.review.uid, `/`)[1]\nx if not startswith(r, `a`)": (
        "the engines evaluate `not` differently if r is undefined; write `value := r` before, and "
        "use value after `not`"
    ),
    "f(v) := v[0]\nx if not is_string(f(input.workloads))": (
        "the engines evaluate `not` differently if f(input.workloads) is undefined; write "
        "`value := f(input.workloads)` before, and use value after `not`"
    ),
    "import future.keywords.not\nx := 1": (
        "one engine does not support the import future.keywords.not; remove it: Rego v1 has if, "
        "in, contains and every without an import"
    ),
    'x := strings.replace_n({"a": "b"}, "a")': (
        "strings.replace_n is not allowed: the engines replace in different orders; write replace "
        "for each text"
    ),
    'x := strings.count("aaa", "aa")': (
        "strings.count is not allowed: one engine counts overlapping matches; write "
        "count(split(s, x)) - 1"
    ),
    'p[q].r contains 1 if q := "a"\np.b.r contains 2': (
        "one engine evaluates a head with a variable before its last key as undefined beside other "
        "heads of the same rule; use another name for one of them"
    ),
    'x if "a", "a" in {"a", "b"}': (
        "one engine evaluates `key, value in collection` for a set as false; write "
        "`collection[key] == value`"
    ),
    "x := input.workloads[0].replicas + 0.5": (
        "the engines calculate with fractions differently; use integers"
    ),
    'x := upper("straße")': (
        "the engines change the case of letters beyond ASCII differently in upper"
    ),
    'x := sort([1, "a"])': (
        "the engines sort values of different types differently; sort values of one type"
    ),
    'x := time.parse_rfc3339_ns("2027-01-01 00:00:00Z")': (
        "one engine refuses this time; write it as 2027-01-31T00:00:00Z"
    ),
    'x := to_number(" 1")': (
        "one engine refuses this number; write digits without spaces or signs"
    ),
    'x := units.parse("1e9Gi")': (
        "the engines read exponents in units differently; write the digits"
    ),
    "x if any([true])": (
        "any is not allowed: OPA deprecated it; write `true in x`, or `some x in xs` with a "
        "condition"
    ),
    "x if all([true])": (
        "all is not allowed: OPA deprecated it; write `every x in xs { … }`"
    ),
    'x if startswith("a")': "startswith takes 2 arguments, not 1",
    'x if { 1 == "a" }': 'this comparison never holds: 1 is a number, "a" is a string',
    "x if { some y; input.review.dryRun }": "the declared variable y is not used",
    "x := [1, 2][-1]": "a negative index is always undefined; write xs[count(xs) - 1]",
    'x if glob.match("[^a]", [], "b")': "one engine does not negate [^…] in a glob; write [!…]",
    'x := regex.split("", "abc")': (
        "the engines split by a pattern that matches the empty string differently"
    ),
    'x := regex.split("b*", "abc")': (
        "the engines split by a pattern that matches the empty string differently"
    ),
}  # fmt: skip

PATTERNS = {
    r"\<a": r"the engines read \< in a pattern differently",
    r"a\>": r"the engines read \> in a pattern differently",
    "[a&&b]": "the engines read && in a class differently; escape the characters",
    "[a--b]": "the engines read -- in a class differently; escape the characters",
    "[a~~b]": "the engines read ~~ in a class differently; escape the characters",
    "[[a]b]": "the engines read [ in a class differently; write \\[",
    "(?x)a b": "the engines read the group (?x) in a pattern differently",
    "a(?x: b)": "the engines read the group (?x: in a pattern differently",
    "(?=a)": "the engines read the group (?=a in a pattern differently",
    "a{1001}": "one engine refuses more than 1000 repetitions",
    "(?:a{100}b){11}": "one engine refuses more than 1000 repetitions",
    "a**": "one engine refuses the repetition * of a repetition",
    "a{2}{3}": "one engine refuses the repetition {3} of a repetition",
    "a{,2}": "one engine refuses a { that is no repetition; write \\{",
    r"\u0041": r"the engines read \u in a pattern differently",
    r"\Qa\E": r"the engines read \Q in a pattern differently",
    r"[\d]": r"the engines match \d differently beyond ASCII; write [0-9] or similar",
    r"\pL": r"the engines match \p differently beyond ASCII; write [0-9] or similar",
}

ALLOWED = [
    "x if { some w in input.workloads; not startswith(w.image, `b`) }",
    "x if { some w in input.workloads; not w.image in {`a`} }",
    "x if { v := input.project.services.web.scale; not v > 1 }",
    "x if not input.project.services.web.privileged",
    "x if not input.project.services.web.image == `a`",
    "x if not input.project.services.web.image == input.project.name",
    "r contains 1\nx if not 1 in r",
    "default r := 1\nr := 2 if input.review.dryRun\nx if not r > 1",
    "default f(_) := 1\nf(v) := 2 if v == 1\nx if not f(f(1)) == 1",
    "x if not count([1 | some w in input.workloads; w.labels.a]) > 1",
    "import future.keywords.in\nx := 1",
    "import rego.v1\nx := 1",
    'p[q].r contains 1 if q := "a"\np[q].r contains 2 if q := "b"',
    "m[k] := v if some k, v in input.project.services",
    'x if "a", 1 in {"a": 1}',
    "x if 0, `a` in [`a`]",
    "x := round(2.5)",
    "x if input.review.now > 0.5",
    'x := upper("strasse")',
    'x := sort(["b", "a"])',
    'x := time.parse_rfc3339_ns("2027-01-31T00:00:00.5+01:00")',
    'x := to_number("-1.5e3")',
    'x := units.parse_bytes("1.5GB")',
    "x if { some y; y = input.workloads[0] ; y.privileged }",
    "x if { some y in [1]; input.review.dryRun }",
    'x := split("b", "abc")',
    'x := regex.split("b+", "abc")',
    "x if { count(input.workloads, n); n > 1 }",
]

ALLOWED_PATTERNS = [
    "^[a-z0-9]+(?:[._-][a-z0-9]+)*$",
    "^sha256:[a-f0-9]{64}:[a-f0-9]{64}$",
    r"^\[a\]\.b\-c\/d\{e\}$",
    "[]a]",
    "[^]a-]",
    "[[:alpha:]_]",
    r"[\[\]&-]",
    "(?i)nvidia(?P<rest>.*?)",
    "(a|b)??c{2,}?",
    r"\x41\x{1F600}\n\A\z",
    "(?:a{10}b){100}",
]


@cases("rules", REFUSED)
def test_construct_is_refused_with_what_to_write(rules: str) -> None:
    assert [problem.message for problem in lint(rules)] == [REFUSED[rules]]


@cases("pattern", PATTERNS)
def test_pattern_that_engines_read_differently_is_refused(pattern: str) -> None:
    found = lint(f"x if regex.match(`{pattern}`, input.review.uid)")

    assert [problem.message for problem in found] == [PATTERNS[pattern]]


@cases("rules", ALLOWED)
def test_construct_that_engines_agree_on_is_allowed(rules: str) -> None:
    assert [str(problem) for problem in lint(rules)] == []


@cases("pattern", ALLOWED_PATTERNS)
def test_pattern_that_engines_agree_on_is_allowed(pattern: str) -> None:
    found = lint(f"x if regex.match(`{pattern}`, input.review.uid)")

    assert [str(problem) for problem in found] == []
