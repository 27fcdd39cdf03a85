"""Natural mistakes of an author: each is reported at its place, with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.errors import PolicySetWarning
from tests.support.linted import HEADING, METADATA, lint_files

RULE = 'violation contains {"msg": "no", "service": w.service, "path": w.path} if {\n'
LOOP = f"{RULE}\tsome w in input.workloads\n"
TEST = {"rules/own/policy_test.rego": "package policyd.policies.own_test\n"}
SET_OF_OWN = "some c in input.constraints"

MISTAKES = {
    "a key of a workload with a typo": (
        LOOP + "\tw.privilged\n}\n",
        "unknown workload key privilged; did you mean privileged?",
    ),
    "a key of Compose that a workload has under another name": (
        LOOP + '\tw.volumes[_] == "/:/host"\n}\n',
        "unknown workload key volumes; write `some m in w.mounts`, then `m.source`",
    ),
    "a key of Compose that only the project has": (
        LOOP + '\tw.dns_search[_] == "example"\n}\n',
        "unknown workload key dns_search; write `input.project.services[w.service].dns_search`",
    ),
    "a boolean compared with a string": (
        LOOP + '\tw.privileged == "true"\n}\n',
        'this comparison never holds: w.privileged is a boolean, "true" is a string; write true '
        "without quotes",
    ),
    "an empty string taken for undefined": (
        LOOP + "\tnot w.user\n}\n",
        "`not w.user` never holds: the key is always present, and only false and undefined values "
        'negate; write w.user == ""',
    ),
    "a string that is never null": (
        LOOP + "\tw.image == null\n}\n",
        "this comparison never holds: w.image is a string, null is null; write w.image == \"\"",
    ),
    "contains on a list": (
        LOOP + '\tcontains(w.cap_add, "SYS_ADMIN")\n}\n',
        'contains needs a string, but w.cap_add is an array; write "SYS_ADMIN" in w.cap_add',
    ),
    "in on a string": (
        LOOP + '\t"latest" in w.image\n}\n',
        'w.image is a string, not a collection; write contains(w.image, "latest")',
    ),
    "a key of a grant with a typo": (
        LOOP + '\tsome g in w.grants\n\tg.devces == "all"\n}\n',
        "unknown grant key devces; did you mean devices?",
    ),
    "a typo below a function": (
        LOOP + "\tis_bad(w)\n}\n\nis_bad(x) if x.privilged\n",
        "unknown workload key privilged; did you mean privileged?",
    ),
    "the parameters as Gatekeeper passes them": (
        LOOP + "\tw.replicas > input.parameters.limit\n}\n",
        'unknown input key parameters; write `some c in input.constraints["ID"]` with the '
        "policy's ID, then `c.parameters`",
    ),
    "the object as Gatekeeper passes it": (
        LOOP + "\tinput.review.object.spec.privileged\n}\n",
        "unknown review key object; write `input.project` for the Compose project, or "
        "`input.workloads`",
    ),
    "the document as KICS passes it": (
        LOOP + "\tinput.document[_].services[_].privileged\n}\n",
        "unknown input key document; write `input.project` for the Compose project, or "
        "`input.workloads`",
    ),
    "the services as conftest passes them": (
        LOOP + "\tinput.services[w.name].privileged\n}\n",
        "unknown input key services; write `input.workloads`, or `input.project.services`",
    ),
    "a parameter with a typo": (
        LOOP + f'\t{SET_OF_OWN}["own"]\n\tw.replicas > c.parameters.limt\n}}\n',
        "unknown parameter key limt; did you mean limit?",
    ),
    "the constraints of an unknown policy": (
        LOOP + f'\t{SET_OF_OWN}["owm"]\n\tw.replicas > c.parameters.limit\n}}\n',
        'the policy has no constraints of owm; write input.constraints["own"]',
    ),
    "the arguments of regex.match in the wrong order": (
        LOOP + '\tregex.match(w.image, "^hub/")\n}\n',
        "the first argument of regex.match is the pattern; swap the arguments",
    ),
    "parameters without the constraint": (
        LOOP + '\tw.replicas > input.constraints["own"].parameters.limit\n}\n',
        'input.constraints["own"] is an array, which has no key parameters; write `some x in '
        'input.constraints["own"]`',
    ),
    "the short form of a volume": (
        LOOP + '\tinput.project.services[w.name].volumes[_] == "/:/host"\n}\n',
        'this comparison never holds: input.project.services[w.name].volumes[_] is an object, '
        '"/:/host" is a string; compare one of its keys: bind, consistency, image, read_only, '
        "source, target, tmpfs, type, volume",
    ),
    "an operation in lower case": (
        LOOP + '\tinput.review.operation == "create"\n}\n',
        'input.review.operation is never "create"; it is one of CHECK, CREATE, DELETE, UPDATE; '
        "did you mean CREATE?",
    ),
    "a default that hides a typo": (
        LOOP + '\tobject.get(w, "privilged", false)\n}\n',
        "unknown workload key privilged; did you mean privileged?",
    ),
    "strings joined with +": (
        LOOP + '\tw.image + ":latest" == "a:latest"\n}\n',
        'arithmetic needs numbers, but w.image is a string; join strings with sprintf("%s%s", '
        "[a, b]) or concat",
    ),
    "workloads taken for a mapping": (
        LOOP + '\tinput.workloads["web"].privileged\n}\n',
        "input.workloads is an array, which has no key web; write `some x in input.workloads`",
    ),
    "a violation that is a string": (
        'violation contains sprintf("%s", [w.name]) if {\n\tsome w in input.workloads\n}\n',
        'a violation must be an object, not a string; write {"msg": …, "service": w.service, '
        '"path": …}',
    ),
    "a violation with another key for its message": (
        LOOP.replace("msg", "message") + "\tw.privileged\n}\n",
        "a violation must have the key msg; write msg instead of message",
    ),
    "a violation with a path that is a string": (
        LOOP.replace("w.path", '"services.web"') + "\tw.privileged\n}\n",
        'path of a violation must be an array, such as ["services", w.service, "image"], not a '
        "string",
    ),
    "the name deny for the rule": (
        LOOP.replace("violation", "deny") + "\tw.privileged\n}\n",
        "the policy own has no rule violation; rename deny to violation",
    ),
    "the old form of a set": (
        "violation[x] if {\n\tsome w in input.workloads\n\tw.privileged\n\tx := w.name\n}\n",
        "violation must be a set of objects; write `violation contains {…} if { … }`",
    ),
}  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_natural_mistake_is_an_error_that_says_what_to_write(
    tmp_path: Path, mistake: str
) -> None:
    rules, message = MISTAKES[mistake]

    found = lint_files(tmp_path, {"rules/own/policy.rego": METADATA + rules})

    assert message in [problem.message for problem in found]
    assert {problem.where.file for problem in found if problem.where} == {
        str(tmp_path / "rules/own/policy.rego")
    }


def test_the_syntax_of_rego_v0_is_named(tmp_path: Path) -> None:
    rules = "violation[msg] {\n\tmsg := 1\n}\n"

    [problem] = lint_files(tmp_path, {"rules/own/policy.rego": METADATA + rules})

    assert problem.message.endswith(
        "; Rego v0 is not supported: convert it with `opa fmt --write --v0-v1`"
    )


@pytest.mark.thorough
@pytest.mark.parametrize("parts", [400, 900])
def test_an_expression_with_too_many_parts_is_refused_with_its_file(
    tmp_path: Path, parts: int
) -> None:
    total = " +".join(["1\n"] * parts)
    rules = f"{LOOP}\tw.privileged\n}}\n\nx := {total}"

    [problem] = lint_files(tmp_path, {"rules/own/policy.rego": METADATA + rules})

    assert str(problem) == (
        f"{tmp_path}/rules/own/policy.rego: an expression has too many parts; use variables or "
        "functions for some of them"
    )


def test_a_policy_without_test_and_sample_is_a_warning(tmp_path: Path) -> None:
    files = {"rules/own/policy.rego": f"{METADATA}{LOOP}\tw.privileged\n}}\n"}

    [warning] = lint_files(tmp_path, files)

    assert isinstance(warning, PolicySetWarning)
    assert str(warning) == (
        f"{tmp_path}/rules/own/policy.rego:10:1: warning: the policy own has neither a test nor a "
        "sample; add policy_test.rego or samples beside it"
    )


def test_the_policy_without_a_mistake_has_no_problem(tmp_path: Path) -> None:
    files = {**TEST, "rules/own/policy.rego": f"{METADATA}{LOOP}\tw.privileged\n}}\n"}

    found = lint_files(tmp_path, files)

    assert [str(problem) for problem in found] == []


@pytest.mark.thorough
def test_a_policy_that_no_constraint_names_is_a_warning(tmp_path: Path) -> None:
    heading = HEADING.partition("---")[0]

    found = lint_files(
        tmp_path,
        {
            **TEST,
            "policyset.yaml": heading.replace("[rules]", "[rules, gpu]"),
            "rules/own/policy.rego": f"{METADATA}{LOOP}\tw.privileged\n}}\n",
        },
    )

    assert [str(warning) for warning in found] == [
        f"{tmp_path}/rules/own/policy.rego:10:1: warning: no constraint names the policy own, so "
        "it is not evaluated; add a Constraint to the policy set"
    ]
    assert isinstance(found[0], PolicySetWarning)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"rules/README.md": ""}, "the pack has no Rego files"),
        (
            {"rules/a.rego": "package compose\n\nviolations contains 1 if input.name\n"},
            "the pack has no policies; a policy is a package policyd.policies.<id> with METADATA, "
            "or a package outside policyd with a rule deny, violation or warn",
        ),
    ],
)
def test_a_pack_without_policies_is_a_warning(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    heading = HEADING.partition("---")[0]

    found = lint_files(tmp_path, {"policyset.yaml": heading, **files})

    assert [str(warning) for warning in found] == [f"{tmp_path}/rules: warning: {message}"]
    assert isinstance(found[0], PolicySetWarning)


def test_a_pack_of_libraries_that_another_pack_uses_needs_no_policies(tmp_path: Path) -> None:
    rules = f"import data.team.lib\n\n{LOOP}\tlib.is_bad(w)\n}}\n"

    found = lint_files(
        tmp_path,
        {
            **TEST,
            "policyset.yaml": HEADING.replace("[rules]", "[rules, shared]"),
            "rules/own/policy.rego": METADATA + rules,
            "shared/lib.rego": "package team.lib\n\nis_bad(w) if w.privileged\n",
        },
    )

    assert [str(problem) for problem in found] == []
