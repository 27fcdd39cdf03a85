from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from policyd.bundle import Bundle
from policyd.cli.many import MANY
from policyd.cli.options import Target, bundle
from policyd.formats.available import REPORT

CLEAN = "services:\n  web:\n    image: nginx\n"
PRIVILEGED = "services:\n  web:\n    image: nginx\n    privileged: true\n"
BROKEN = "services:\n  web:\n    imag: nginx\n"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        place = folder / name
        place.mkdir()
        (place / "compose.yaml").write_text(text)


def test_an_allowed_project_is_one_line_and_exit_0(run, folder) -> None:
    (folder / "compose.yaml").write_text(CLEAN)

    result = run("check")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "ALLOWED  .\n", "")


def test_a_denied_project_shows_place_line_reason_and_fix_and_exit_1(run, folder) -> None:
    (folder / "compose.yaml").write_text(PRIVILEGED)

    result = run("check")

    assert result.exit_code == 1
    assert (
        result.stdout
        == """\
DENIED  .: 1 violation

compose.yaml:4:17: denied: service web runs privileged, with every device of the host
2 |   web:
3 |     image: nginx
4 |     privileged: true
  |                 ^
  = fix: Remove `privileged: true`, and declare a GPU that is needed as a reservation: \
`driver: nvidia` with `device_ids: ['0']`.
  = policy: no-privileged, critical

Requested accelerators:
  SERVICE  VENDOR   METHOD      DEVICES  REPLICAS
  web      unknown  privileged  all      1

More: policyd explain no-privileged. \
To ask for an exception: policyd exceptions request no-privileged
"""
    )


def test_a_project_that_compose_would_refuse_is_denied(run, folder) -> None:
    (folder / "compose.yaml").write_text(BROKEN)

    result = run("check")

    assert result.exit_code == 1
    assert result.stdout.startswith("DENIED  .: the project does not load\n\ncompose.yaml:3:")
    assert "3 |     imag: nginx\n" in result.stdout


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check"], "policyd: error: no Compose file in {}"),
        (["check", "nosuch"], "policyd: error: nosuch: No such file or directory"),
        (["check", "-f", "nosuch.yml"], "policyd: error: nosuch.yml: No such file or directory"),
        (["check", "--env-file", "no.env"], "policyd: error: {}/no.env: No such file or directory"),
        (["check", "--root", "nosuch"], "policyd: error: {}/nosuch: the root is not a folder"),
        (["check", "--policy-set", "nosuch.yaml"], "policyd: error: nosuch.yaml: cannot be read"),
        (["check", "--config", "nosuch.toml"], "policyd: error: nosuch.toml: cannot read the file"),
        (["check", "--audit", "/proc/no/a.db"], "policyd: error: the audit log /proc/no/a.db"),
        (["check", "-f", "oci://x/y"], "policyd: error: oci://x/y: remote projects are not fetch"),
    ],
)
def test_where_nothing_is_decided_one_line_says_why_and_exit_2(
    run, folder, arguments: list[str], message: str
) -> None:
    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(message.format(folder))
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["check", "--formt", "json"], ["check", "--format", "xml"], ["check", ".", "-f", "x.yaml"]],
)
def test_wrong_usage_is_exit_2(run, arguments: list[str]) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert "Usage: policyd check" in result.stderr


@pytest.mark.thorough
def test_over_several_paths_undecided_counts_more_than_denied(run, folder) -> None:
    write(folder, clean=CLEAN, bad=PRIVILEGED)

    assert run("check", "clean").exit_code == 0
    assert run("check", "clean", "bad").exit_code == 1
    several = run("check", "clean", "nosuch", "bad")

    assert several.exit_code == 2
    assert several.stdout.endswith("\n3 projects: 1 allowed, 1 denied, 1 not decided\n")
    assert several.stderr == "policyd: error: nosuch: No such file or directory\n"


def test_json_is_a_decision_list_with_the_paths_as_typed(run, folder) -> None:
    write(folder, clean=CLEAN, bad=PRIVILEGED)

    result = run("check", "--format", "json", "bad", "./clean")

    found = json.loads(result.stdout)
    assert (found["apiVersion"], found["kind"]) == ("policyd/v1", "DecisionList")
    assert [(one["source"], one["allowed"]) for one in found["decisions"]] == [
        ("bad", False),
        ("./clean", True),
    ]
    violation = found["decisions"][0]["violations"][0]
    assert violation["policy"] == "no-privileged"
    assert violation["location"] == {"file": "compose.yaml", "line": 4, "column": 17}


def test_json_is_printed_when_nothing_was_decided_too(run, folder) -> None:
    result = run("check", "--format", "json", "nosuch")

    assert result.exit_code == 2
    assert json.loads(result.stdout)["decisions"] == []


@pytest.mark.thorough
def test_a_file_and_standard_input_are_projects_too(run, folder) -> None:
    (folder / "other.yaml").write_text(PRIVILEGED)

    from_file = run("check", "other.yaml")
    from_stdin = run("check", "-", stdin=PRIVILEGED.encode())
    by_flag = run("check", "-f", "-", stdin=PRIVILEGED.encode())

    assert from_file.exit_code == from_stdin.exit_code == by_flag.exit_code == 1
    assert "other.yaml:4:17: denied" in from_file.stdout
    assert "4 |     privileged: true\n" in from_stdin.stdout
    assert from_stdin.stdout == by_flag.stdout


def test_several_files_are_merged_as_compose_does(run, folder) -> None:
    (folder / "a.yaml").write_text(PRIVILEGED)
    (folder / "b.yaml").write_text("services:\n  web:\n    privileged: false\n")

    assert run("check", "-f", "a.yaml", "-f", "b.yaml").exit_code == 0
    assert run("check", "-f", "b.yaml", "-f", "a.yaml").exit_code == 1


def test_the_override_file_is_read_unasked(run, folder) -> None:
    (folder / "compose.yaml").write_text(CLEAN)
    (folder / "compose.override.yaml").write_text("services:\n  web:\n    privileged: true\n")

    assert "compose.override.yaml:3:17: denied" in run("check").stdout


def test_every_profile_is_on_whatever_the_flag_says(run, folder) -> None:
    (folder / "compose.yaml").write_text(
        CLEAN + "  debug:\n    image: nginx\n    privileged: true\n    profiles: [debug]\n"
    )

    assert run("check").exit_code == 1
    assert run("check", "--profile", "other").exit_code == 1


def test_the_caller_s_environment_decides_what_variables_are(run, folder, monkeypatch) -> None:
    (folder / "compose.yaml").write_text(
        "services:\n  web:\n    image: nginx\n    privileged: ${GPUS:-false}\n"
    )

    assert run("check").exit_code == 0
    monkeypatch.setenv("GPUS", "true")
    assert run("check").exit_code == 1


def test_what_lies_outside_the_root_is_not_read(run, folder) -> None:
    (folder.parent / "base.yaml").write_text(CLEAN)
    (folder / "compose.yaml").write_text(
        "services:\n  web:\n    extends: {file: ../base.yaml, service: web}\n"
    )

    denied = run("check")
    allowed = run("check", "--root", "..")

    assert denied.exit_code == 1
    assert "is outside" in denied.stdout
    assert "--root" in denied.stdout
    assert allowed.exit_code == 0


@pytest.mark.thorough
def test_many_projects_are_judged_in_their_order(run, folder) -> None:
    names = [f"p{number:03}" for number in range(MANY * 2)]
    write(folder, **{name: PRIVILEGED if name == "p007" else CLEAN for name in names})

    result = run("check", "--format", "json", *names)

    decisions = json.loads(result.stdout)["decisions"]
    assert [one["source"] for one in decisions] == names
    assert [one["source"] for one in decisions if not one["allowed"]] == ["p007"]
    assert len({one["uid"] for one in decisions}) == len(names)


@pytest.mark.thorough
def test_a_decision_is_recorded_only_where_a_log_is_configured(run, folder) -> None:
    (folder / "compose.yaml").write_text(CLEAN)

    run("check")
    assert sorted(os.listdir(folder)) == ["compose.yaml"]
    assert not (folder.parent / "state").exists()
    run("check", "--audit", "log.db", "--repository", "acme/web", "--environment", "prod")

    listed = json.loads(run("audit", "list", "--audit", "log.db", "--format", "json").stdout)
    event = listed["items"][0]["event"]
    assert event["input"]["review"]["source"]["repository"] == "acme/web"
    assert event["input"]["review"]["source"]["environment"] == "prod"
    assert event["input"]["review"]["operation"] == "CHECK"
    assert event["input"]["review"]["enforcementPoint"] == "cli"


EXPLAINED = """\
apiVersion: policyd/v1
kind: PolicySet
metadata: {name: ours}
spec: {packs: [container]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: in-prod}
spec:
  policy: no-privileged
  enforcementAction: deny
  match: {environments: [prod]}
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: own}
spec:
  policies: [no-privileged]
  match: {repositories: [ml/train]}
  expires: 2020-01-31T00:00:00Z
  owner: ml-infra
  reason: why
  approvedBy: security
"""


def test_why_constraints_and_exceptions_apply_is_explained_in_json(run, folder) -> None:
    (folder / "compose.yaml").write_text(PRIVILEGED)
    (folder / "set.yaml").write_text(EXPLAINED)
    call = ["check", "--policy-set", "set.yaml", "--explain-match", "--format", "json"]

    elsewhere = json.loads(run(*call, "--environment", "dev").stdout)["decisions"][0]
    unknown = json.loads(run(*call).stdout)["decisions"][0]

    assert (elsewhere["allowed"], unknown["allowed"]) == (True, False)
    assert elsewhere["matches"] == [
        {
            "kind": "Constraint",
            "name": "in-prod",
            "location": {"file": "set.yaml", "line": 6, "column": 1},
            "policies": ["no-privileged"],
            "applies": False,
            "reason": "environments: dev matches none of prod",
            "action": "deny",
            "findings": 0,
            "checks": [
                {
                    "key": "match.environments",
                    "outcome": "differs",
                    "reason": "dev matches none of prod",
                }
            ],
        },
        {
            "kind": "Exception",
            "name": "own",
            "location": {"file": "set.yaml", "line": 14, "column": 1},
            "policies": ["no-privileged"],
            "applies": False,
            "reason": "it expired on 2020-01-31T00:00:00Z",
            "action": "exempt",
            "findings": 0,
            "checks": [
                {
                    "key": "expires",
                    "outcome": "differs",
                    "reason": "it expired on 2020-01-31T00:00:00Z",
                },
                {
                    "key": "match.repositories",
                    "outcome": "unknown",
                    "reason": "unknown, so the exception does not apply",
                },
            ],
        },
    ]
    assert (unknown["matches"][0]["applies"], unknown["matches"][0]["findings"]) == (True, 1)
    assert unknown["matches"][0]["checks"] == [
        {
            "key": "match.environments",
            "outcome": "unknown",
            "reason": "unknown, so the constraint stays in force",
        }
    ]


def test_why_constraints_and_exceptions_apply_is_explained_in_text(run, folder) -> None:
    (folder / "compose.yaml").write_text(PRIVILEGED)
    (folder / "set.yaml").write_text(EXPLAINED)

    shown = run("check", "--policy-set", "set.yaml", "--explain-match", "--environment", "dev")

    assert shown.exit_code == 0
    assert shown.stdout.endswith("""
Constraints and exceptions:
  set.yaml:6:1: constraint in-prod (no-privileged) does not apply
    match.environments: dev matches none of prod
  set.yaml:14:1: exception own (no-privileged) does not apply
    expires: it expired on 2020-01-31T00:00:00Z
    match.repositories: unknown, so the exception does not apply
""")


def test_nothing_of_a_project_reaches_the_terminal_as_a_control_character(run, folder) -> None:
    (folder / "compose.yaml").write_text(
        'services:\n  "we\\eb":\n    image: "\\e[2J"\n    privileged: true\n'
    )

    shown = "".join(
        run(*call).output
        for call in (["check"], ["check", "--format", "json"], ["config"], ["check", "\x1b[2J"])
    )

    assert "\x1b" not in shown


def test_a_defect_of_ours_decides_nothing_and_stops_no_other_project(
    run, folder, monkeypatch
) -> None:
    def broken(target: Target, *_: object) -> Bundle:
        if target.source == "a":
            raise ZeroDivisionError("division by zero")
        return bundle(target, *_)

    write(folder, a=CLEAN, b=PRIVILEGED)
    monkeypatch.setattr("policyd.cli.check.bundle", broken)

    result = run("check", "a", "b")

    assert result.exit_code == 2
    assert result.stdout.startswith("DENIED  b: 1 violation\n")
    assert result.stderr == (
        "policyd: error: a: internal error: ZeroDivisionError('division by zero')\n"
    )


def test_several_reports_come_from_one_run(run, folder) -> None:
    (folder / "compose.yaml").write_text("services:\n  web:\n    image: x\n    privileged: true\n")

    result = run("check", "--report", "sarif=out.sarif", "--report", "junit=out.xml")

    assert result.exit_code == 1
    assert result.stdout.startswith("DENIED")
    assert '"ruleId": "no-privileged"' in (folder / "out.sarif").read_text()
    assert "no-privileged web" in (folder / "out.xml").read_text()


@pytest.mark.thorough
@pytest.mark.parametrize("name", sorted(REPORT))
def test_the_exit_code_does_not_depend_on_the_format(run, folder, name: str) -> None:
    (folder / "compose.yaml").write_text("services:\n  web:\n    image: x\n    privileged: true\n")

    assert run("check", "--format", name).exit_code == 1
    assert run("check", ".", "gone", "--format", name, "--report", f"{name}=out").exit_code == 2
    assert (folder / "out").read_text()


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ("sarif", "--report sarif: expected FORMAT=FILE"),
        ("sarif=", "--report sarif=: expected FORMAT=FILE"),
        ("pdf=a.pdf", "--report pdf=a.pdf: expected FORMAT=FILE; formats: checkstyle, github"),
    ],
)
def test_a_report_that_is_not_known_is_a_usage_error(run, folder, report, message) -> None:
    result = run("check", "--report", report)

    assert result.exit_code == 2
    assert message in result.stderr


def test_a_report_that_cannot_be_written_is_exit_2(run, folder) -> None:
    (folder / "compose.yaml").write_text("services: {web: {image: x}}\n")

    result = run("check", "--report", "sarif=no/such/folder.sarif")

    assert result.exit_code == 2
    assert result.stdout.startswith("ALLOWED")
    assert result.stderr == (
        "policyd: error: --report: cannot write no/such/folder.sarif: No such file or directory\n"
    )


def test_configurations_of_images_are_read_from_a_file(run, folder) -> None:
    (folder / "compose.yaml").write_text("services:\n  web:\n    image: own/web\n")
    (folder / "images.json").write_text('{"own/web": {"Env": ["NVIDIA_VISIBLE_DEVICES=all"]}}')

    result = run("check", "--image-configs", "images.json", "--format", "json")

    [decision] = json.loads(result.stdout)["decisions"]
    assert [grant["method"] for grant in decision["grants"]] == ["image"]
    assert json.loads(run("check", "--format", "json").stdout)["decisions"][0]["grants"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "images.json: cannot be read: No such file or directory"),
        ("[]", "images.json: the file is not a JSON object: "),
        ('{"a": {"Env": "x"}}', "imageConfigs: "),
    ],
)
def test_configurations_of_images_that_are_not_valid_decide_nothing(
    run, folder, text: str | None, said: str
) -> None:
    (folder / "compose.yaml").write_text(CLEAN)
    if text is not None:
        (folder / "images.json").write_text(text)

    result = run("check", "--image-configs", "images.json")

    assert result.exit_code == 2
    assert said in result.stdout + result.stderr


@pytest.mark.thorough
def test_quiet_and_only_denied_leave_out_what_is_not_needed(run, folder) -> None:
    write(folder, a=CLEAN, b=PRIVILEGED, c=BROKEN)

    quiet = run("check", "a", "b", "c", "-q")
    denied = run("check", "a", "b", "c", "--quiet", "--only-denied", "--report", "text=full.txt")

    assert (quiet.exit_code, denied.exit_code) == (1, 1)
    assert quiet.stdout == (
        "ALLOWED  a\nDENIED  b: 1 violation\nDENIED  c: the project does not load\n"
        "\n3 projects: 1 allowed, 1 denied, 1 not loadable\n"
    )
    assert denied.stdout == quiet.stdout.removeprefix("ALLOWED  a\n")
    assert (folder / "full.txt").read_text() == run("check", "a", "b", "c").stdout


def test_quiet_and_only_denied_are_of_text_only(run, folder) -> None:
    for option in ("--quiet", "--only-denied"):
        result = run("check", option, "--format", "json")

        assert result.exit_code == 2
        assert "--quiet and --only-denied require --format text" in result.stderr


def test_colours_are_printed_when_they_are_wanted(run, folder) -> None:
    (folder / "compose.yaml").write_text(CLEAN)

    assert run("check", "--color", "always").stdout == (
        "\x1b[1;32mALLOWED\x1b[0m  \x1b[1m.\x1b[0m\n"
    )
    assert run("check", "--color", "never").stdout == "ALLOWED  .\n"
