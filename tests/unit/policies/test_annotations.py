"""METADATA comments: what OPA defines is read, and every mistake has a sentence."""

from __future__ import annotations

from pathlib import Path

from policyd.policies.annotations import Author, comment_problems
from policyd.policies.packs import read_policies
from policyd.policies.problems import Problems
from tests.support.cases import cases
from tests.support.linted import METADATA, lint_files

RULE = 'violation contains {"msg": "no", "service": "", "path": []} if input.project.name == "x"\n'
WHOLE = METADATA.replace(
    "# custom:\n",
    """# scope: subpackages
# authors:
#   - Ada Lovelace <ada@acme.example>
#   - ML platform
#   - <ops@acme.example>
#   - {name: Bob}
#   - {email: eve@acme.example}
# organizations: [ml-infra, acme]
# related_resources:
#   - https://handbook.example/gpus
#   - {ref: "https://cis.example", description: CIS 5.4}
# schemas:
#   - input: schema.input
#   - data.team: {type: object}
# labels: {tier: 1}
# compile: {unknowns: [input.project]}
# custom:
#   references: [Ours]
""",
)


def test_the_annotations_of_opa_are_read() -> None:
    problems = Problems()

    [policy] = read_policies({"rules/policy.rego": WHOLE + RULE}, "rules", problems)

    assert problems == []
    assert policy.authors == (
        Author("Ada Lovelace", "ada@acme.example"),
        Author("ML platform"),
        Author("", "ops@acme.example"),
        Author("Bob"),
        Author("", "eve@acme.example"),
    )
    assert policy.organizations == ("ml-infra", "acme")
    assert policy.owners == (
        "ml-infra",
        "acme",
        "Ada Lovelace <ada@acme.example>",
        "ML platform",
        "<ops@acme.example>",
        "Bob",
        "<eve@acme.example>",
    )
    assert policy.references == (
        "https://handbook.example/gpus",
        "CIS 5.4: https://cis.example",
        "Ours",
    )


def test_a_package_may_be_an_entrypoint() -> None:
    problems = Problems()
    text = METADATA.replace("# custom:", "# entrypoint: true\n# custom:") + RULE

    assert len(list(read_policies({"rules/policy.rego": text}, "rules", problems))) == 1
    assert problems == []


MISTAKES = {
    "owners": ("owners: [ml]", "has the unknown key 'owners'; write authors"),
    "teams": ("teams: [ml]", "has the unknown key 'teams'; write organizations"),
    "severity": (
        "severity: low",
        "has the unknown key 'severity'; write severity below custom",
    ),
    "typo": ("autors: [ml]", "has the unknown key 'autors'; did you mean authors?"),
    "no near key": (
        "xyz: 1",
        "has the unknown key 'xyz'; valid keys are authors, compile, custom, description, "
        "entrypoint, labels, organizations, related_resources, schemas, scope, title",
    ),
    "scope of a rule": (
        "scope: document",
        "scope is 'document', but the comment is above a package: write package or subpackages",
    ),
    "unknown scope": (
        "scope: file",
        "scope is 'file': it must be one of package, subpackages, rule, document",
    ),
    "authors that are no list": ("authors: Ada", "authors must be a list, not a string"),
    "author that is a number": ("authors: [1]", "authors[0] must be a string, not an integer"),
    "author with another key": (
        "authors: [{mail: a@b}]",
        "authors[0] has the unknown key 'mail'; did you mean email?",
    ),
    "author without anything": (
        "authors: [{}]",
        "authors[0] must have a name or an email: write `Ada <ada@acme.example>`",
    ),
    "blank author": (
        "authors: [' ']",
        "authors[0] must have a name or an email: write `Ada <ada@acme.example>`",
    ),
    "organization that is a mapping": (
        "organizations: [{name: ml}]",
        "organizations[0] must be a string, not a mapping",
    ),
    "resource without ref": (
        "related_resources: [{description: x}]",
        "related_resources[0] must have the key 'ref'",
    ),
    "resource with another key": (
        "related_resources: [{url: x}]",
        "related_resources[0] has the unknown key 'url'; valid keys are description, ref",
    ),
    "entrypoint that is a text": (
        "entrypoint: 'yes'",
        "entrypoint must be a boolean, not a string",
    ),
    "schemas that are a mapping": (
        "schemas: {input: schema.input}",
        "schemas must be a list, not a mapping",
    ),
    "schema with two keys": (
        "schemas: [{input: schema.input, data: schema.input}]",
        "schemas[0] must have one key, such as `input: schema.input`",
    ),
    "schema of another root": (
        "schemas: [{workloads: schema.input}]",
        "schemas[0].workloads has the path 'workloads': a path begins with input or data",
    ),
    "unknown schema": (
        "schemas: [{input: schema.project}]",
        "schemas[0].input is 'schema.project': write schema.input, the schema of `input`, or a "
        "JSON Schema as a mapping",
    ),
    "labels that are a list": ("labels: [a]", "labels must be a mapping, not a list"),
}


@cases("mistake", MISTAKES)
def test_a_mistake_is_reported_at_its_place(mistake: str) -> None:
    line, message = MISTAKES[mistake]
    problems = Problems()
    text = METADATA.replace("# custom:", f"# {line}\n# custom:") + RULE

    policies = list(read_policies({"rules/policy.rego": text}, "rules", problems))

    assert policies == []
    [problem] = problems
    assert problem.message.removeprefix("the METADATA comment ") == message
    assert problem.where
    assert (problem.where.file, problem.where.line) == ("rules/policy.rego", 4)
    assert problem.where.column >= 3


def test_entrypoint_needs_the_scope_package() -> None:
    problems = Problems()
    text = METADATA.replace("# custom:", "# scope: subpackages\n# entrypoint: true\n# custom:")

    assert list(read_policies({"p.rego": text + RULE}, "rules", problems)) == []
    assert [str(problem) for problem in problems] == [
        "p.rego:5:15: entrypoint needs the scope package or document, but the scope is subpackages"
    ]


def test_all_mistakes_of_a_comment_are_reported_at_once() -> None:
    problems = Problems()
    text = (
        METADATA.replace("title: Own", "titel: Own")
        .replace("severity: low", "severity: minor")
        .replace("remediation:", "remediations:")
        .replace("type: integer", "type: int")
    )

    assert list(read_policies({"p.rego": text + RULE}, "rules", problems)) == []
    assert [str(problem) for problem in problems] == [
        "p.rego:2:3: the METADATA comment has the unknown key 'titel'; did you mean title?",
        "p.rego:7:5: custom has the unknown key 'remediations'; did you mean remediation?",
        "p.rego:2:3: the METADATA comment must have the key 'title'",
        "p.rego:6:15: custom.severity is 'minor': it must be one of critical, high, medium, low",
        "p.rego:5:5: custom must have the key 'remediation'",
        "p.rego:9:21: custom.parameters.limit.type is 'int': it must be one of string, boolean, "
        "integer, number, array, object",
    ]


@cases(
    ("comment", "message"),
    [
        ("# METADATA\n# scope: document\n# entrypoint: true\n", ""),
        ("# METADATA\n# title: A rule\n# custom: {anything: [1]}\n", ""),
        ("#METADATA\n# title: A rule\n", ""),
        (
            "# METADATA\n# scope: package\n",
            "p.rego:4:10: scope is 'package', but the comment is above a rule: write rule or "
            "document",
        ),
        (
            "# METADATA\n# entrypoint: true\n",
            "p.rego:4:15: entrypoint needs the scope package or document, but the scope is rule",
        ),
        ("# METADATA\n\n", "p.rego:3:1: the METADATA comment is empty"),
        ("# METADATA of a rule\n", "p.rego:3:1: write `# METADATA` on a line of its own"),
        (
            "# METADATA\n# title: [\n",
            "p.rego:5:3: invalid YAML: did not find expected node content",
        ),
        (
            "# METADATA\n# titel: x\n",
            "p.rego:4:3: the METADATA comment has the unknown key 'titel'; did you mean title?",
        ),
    ],
)
def test_comments_of_rules_are_checked(comment: str, message: str) -> None:
    text = f"package team\n\n{comment}f := 1\n"

    found = [str(problem) for problem in comment_problems("p.rego", text, of_policy=False)]

    assert found == ([message] if message else [])


@cases("below", ["", "import data.a\n"])
def test_a_comment_above_neither_package_nor_rule_is_an_error(below: str) -> None:
    text = f"package team\n\n# METADATA\n# title: x\n{below}"

    assert [str(problem) for problem in comment_problems("p.rego", text, of_policy=False)] == [
        "p.rego:3:1: a METADATA comment must be above the package or a rule"
    ]


def test_a_second_comment_of_the_package_is_an_error() -> None:
    text = f"# METADATA\n# title: x\n\n{METADATA}"

    assert [str(problem) for problem in comment_problems("p.rego", text, of_policy=True)] == [
        "p.rego:1:1: the package has another METADATA comment; keep one"
    ]


def test_the_lint_checks_the_comments_of_rules_and_of_plain_packages(tmp_path: Path) -> None:
    found = lint_files(
        tmp_path,
        {
            "rules/own/policy.rego": f"{METADATA}# METADATA\n# titel: x\n{RULE}",
            "rules/own/policy_test.rego": "package policyd.policies.own_test\n",
            "rules/plain.rego": "# METADATA\n# scope: rule\npackage main\n\n"
            "deny contains input.name if input.name\n",
        },
    )

    assert [str(problem) for problem in found] == [
        f"{tmp_path}/rules/own/policy.rego:13:3: the METADATA comment has the unknown key 'titel'; "
        "did you mean title?",
        f"{tmp_path}/rules/plain.rego:2:10: scope is 'rule', but the comment is above a package: "
        "write package or subpackages",
    ]
