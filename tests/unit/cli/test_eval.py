from __future__ import annotations

import re

import pytest

WEB = '{"name": "web", "kind": "service", "service": "web", "path": ["services", "web"], …}'


def lines(text: str) -> list[str]:
    return re.sub("… [0-9]+ more keys", "…", text).splitlines()


def test_a_policy_is_evaluated_with_its_default_parameters(run, folder) -> None:
    (folder / "compose.yaml").write_text("services: {web: {image: a, network_mode: host}}\n")
    run("policies", "new", "named")

    result = run("eval", "named", "--policy-set", "rules")

    assert result.exit_code == 0
    assert '"msg": "service web has the network mode host"' in result.stdout


@pytest.mark.thorough
def test_a_query_is_evaluated_on_the_input(run, folder) -> None:
    (folder / "compose.yaml").write_text("services: {web: {image: a}}\n")
    document = run("config", "--format", "review").stdout
    (folder / "input.json").write_text(document)

    assert run("eval", "input.workloads[_].image").stdout == '"a"\n'
    assert run("eval", "input.workloads[_].image", "--input", "input.json").stdout == '"a"\n'
    assert run("eval", "input.nosuch").stdout == "undefined\n"


def test_a_policy_is_explained(run, folder) -> None:
    (folder / "compose.yaml").write_text("services: {web: {image: a, network_mode: bridge}}\n")
    run("policies", "new", "named")

    result = run("eval", "--explain", "named", "--policy-set", "rules")

    assert lines(result.stdout) == [
        "rules/team/named/policy.rego:18:1: violation does not hold",
        '  true        19: some c in input.constraints["named"]',
        "  true        20: some w in input.workloads",
        "  false       21: w.network_mode in c.parameters.modes",
        f'{"":17}c = {{"name": "named", "parameters": {{"modes": ["host"]}}}}, w = {WEB}, '
        'w.network_mode = "bridge", c.parameters.modes = ["host"]',
    ]


def test_a_policy_is_traced_into_the_functions_that_it_calls(run, folder) -> None:
    (folder / "compose.yaml").write_text("services: {web: {image: a, network_mode: host}}\n")
    run("policies", "new", "named")
    policy = folder / "rules/team/named/policy.rego"
    policy.write_text(
        policy.read_text().replace("[w.title, w.network_mode]", "[w.title, w.labels.a]")
    )

    result = run("eval", "named", "--trace", "--policy-set", "rules")

    assert lines(result.stdout)[-6:] == [
        '  undefined   22: found := workload.finding(w, ["network_mode"], message(w))',
        f"{'':17}w = {WEB}",
        f"{'':17}rules/team/named/policy.rego:25:1: message does not hold",
        f'{"":17}  undefined   25: sprintf("%s has the network mode %s", [w.title, w.labels.a])',
        f'{"":34}w = {WEB}, w.title = "service web", w.labels.a is undefined',
        "[]",
    ]


def test_a_plain_rule_gets_the_effective_model(run, folder) -> None:
    (folder / "compose.yaml").write_text("services: {web: {image: a}}\n")
    (folder / "rules/team").mkdir(parents=True)
    (folder / "rules/team/main.rego").write_text(
        "package main\n\ndeny contains name if some name, _ in input.services\n"
    )
    (folder / "rules/policyset.yaml").write_text(
        "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: t}\nspec: {packs: [team]}\n"
    )

    assert run("eval", "main-deny", "--policy-set", "rules").stdout == '[\n  "web"\n]\n'


def test_what_cannot_be_evaluated_is_refused(run, folder) -> None:
    (folder / "compose.yaml").write_text("services: {web: {image: a}}\n")

    unknown = run("eval", "--explain", "no-privilegd")
    query = run("eval", "--trace", "count(input.workloads)")
    nothing = run("eval")

    assert (unknown.exit_code, query.exit_code, nothing.exit_code) == (2, 2, 2)
    assert unknown.stderr.endswith(
        "--explain needs the ID of a policy; unknown policy no-privilegd; did you mean "
        "no-privileged?\n"
    )
    assert query.stderr.endswith(
        "--trace needs the ID of a policy; unknown policy count(input.workloads)\n"
    )
    assert "name either a query, the ID of a policy, or --explain POLICY" in nothing.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["no-privilegd"],
            "policyd: error: unknown policy no-privilegd; did you mean no-privileged?",
        ),
        (["own-images"], "policyd: error: unknown policy own-images"),
        (
            ["1", "--input", "text.json"],
            "policyd: error: text.json: the file is not a JSON object: JSON is malformed: invalid "
            "character (byte 0)",
        ),
        (
            ["1", "--input", "list.json"],
            "policyd: error: list.json: the file is not a JSON object: Expected `object`, got "
            "`array`",
        ),
        (
            ["1", "--input", "list.json", "-f", "compose.yaml"],
            "Error: --input and a project cannot be used together",
        ),
        (
            ["1", "--input", "list.json", "--decision", "x"],
            "Error: --input and --decision cannot be used together",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(
    run, folder, arguments: list[str], message: str
) -> None:
    (folder / "text.json").write_text("x")
    (folder / "list.json").write_text("[]")
    (folder / "compose.yaml").write_text("services: {web: {image: a}}\n")

    result = run("eval", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == message


@pytest.mark.thorough
def test_a_decision_is_made_again_by_another_policy_set(run, folder) -> None:
    (folder / "compose.yaml").write_text(
        "services: {web: {image: a, privileged: true, environment: {A: hunter2}}}\n"
    )
    (folder / "rules").mkdir()
    (folder / "rules/policyset.yaml").write_text(
        "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: t}\nspec: {packs: [gpu]}\n"
    )
    run("check", ".", "--audit", "a.db")
    listed = run("audit", "list", "--audit", "a.db", "--format", "json").stdout
    decision = re.findall('"decision_?[iI]d": "([^"]+)"', listed)[0]

    same = run("eval", "--decision", decision, "--audit", "a.db")
    other = run("eval", "--decision", decision, "--audit", "a.db", "--policy-set", "rules")
    query = run("eval", "--decision", decision, "--audit", "a.db", "input.workloads[_].environment")
    gone = run("audit", "delete-inputs", "--before", "2999-01-01", "--audit", "a.db")
    after = run("eval", "--decision", decision, "--audit", "a.db")

    assert (same.exit_code, other.exit_code, query.exit_code) == (0, 1, 0)
    assert same.stdout.splitlines()[3] == "nothing would change"
    assert "  - no-privileged (deny, constraint no-privileged) at " in other.stdout
    assert query.stdout == '{\n  "A": "***"\n}\n'
    assert gone.stdout == "deleted 1 input\n"
    assert after.exit_code == 2
    assert "is not kept any more" in after.stderr


@pytest.mark.thorough
def test_an_error_of_a_policy_set_says_how_many_more_there_are(run, folder) -> None:
    (folder / "compose.yaml").write_text("services: {web: {image: a}}\n")
    run("policies", "new", "named")
    policy = folder / "rules/team/named/policy.rego"
    text = policy.read_text()
    wrong = text.replace("severity: medium", "severity: mid")

    policy.write_text(wrong)
    one = run("eval", "named", "--policy-set", "rules").stderr
    policy.write_text(wrong.replace("# title:", "# titel:"))
    two = run("eval", "named", "--policy-set", "rules").stderr

    assert one.endswith("it must be one of critical, high, medium, low\n")
    listed = run("policies", "lint", "rules").stdout.splitlines()
    assert listed[-1] == "3 problems"
    assert two.endswith(" (2 more problems: see `policyd policies lint`)\n")
