from __future__ import annotations

import json
from pathlib import Path

import pytest

DENIED = "services:\n  web:\n    image: nginx\n    privileged: true\n    cap_add: [SYS_ADMIN]\n"


@pytest.fixture
def apps(folder: Path) -> Path:
    for name in ("a", "b c"):
        (folder / name).mkdir()
        (folder / name / "compose.yaml").write_text(DENIED)
    (folder / "b c" / "compose.prod.yaml").write_text("services: {web: {init: true}}\n")
    return folder


@pytest.mark.thorough
def test_what_is_there_does_not_fail_and_what_is_new_does(run, apps: Path) -> None:
    created = run("baseline", "create", "-r")
    same = run("baseline", "check", "-r")
    (apps / "a" / "compose.yaml").write_text(DENIED + "    pid: host\n")
    more = run("baseline", "check", "-r")

    assert (created.exit_code, created.stderr) == (0, "")
    assert created.stdout == ".policyd-baseline.json: 6 entries (+6), 3 projects evaluated\n"
    assert (same.exit_code, same.stdout[:18]) == (0, "Violations: 0 new,")
    assert more.exit_code == 1
    assert more.stdout.startswith("a/compose.yaml:6:10: new: no-host-namespaces: ")
    assert run("check", "-r").exit_code == 1


@pytest.mark.thorough
def test_an_entry_lapses_when_its_value_changes_and_the_baseline_can_shrink(
    run, apps: Path
) -> None:
    run("baseline", "create", "a")
    file = apps / "a" / "compose.yaml"
    file.write_text(DENIED.replace("SYS_ADMIN", "SYS_MODULE"))
    changed = run("baseline", "check", "a")
    file.write_text(DENIED.replace("    privileged: true\n", ""))
    gone = run("baseline", "check", "a")
    shrunk = run("baseline", "create", "a")

    assert changed.exit_code == 1
    assert changed.stdout.startswith("a/compose.yaml:5:15: changed: no-dangerous-capabilities: ")
    assert gone.exit_code == 0
    assert "do not hold any more: 1 (no-privileged)" in gone.stdout
    assert shrunk.stdout == ".policyd-baseline.json: 1 entry (-1), 1 project evaluated\n"


@pytest.mark.thorough
def test_entries_of_other_projects_stay_while_they_exist(run, apps: Path) -> None:
    run("baseline", "create", "-r")
    assert run("baseline", "create", "a").stdout.startswith(
        ".policyd-baseline.json: 6 entries (+0)"
    )
    assert "0 gone" in run("baseline", "check", "a").stdout

    for file in (apps / "b c").iterdir():
        file.unlink()
    (apps / "b c").rmdir()

    assert "4 gone" in run("baseline", "check", "a").stdout
    assert run("baseline", "create", "a").stdout.startswith(
        ".policyd-baseline.json: 2 entries (-4)"
    )


def test_a_baseline_in_another_folder_is_relative_to_it(run, apps: Path, monkeypatch) -> None:
    run("baseline", "create", "-r")
    monkeypatch.chdir(apps / "a")
    monkeypatch.setenv("PWD", str(apps / "a"))

    result = run("baseline", "check", "--baseline", "../.policyd-baseline.json", "--format", "json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["known"] == 2


def test_a_project_that_does_not_load_is_denied_and_one_that_is_missing_undecided(
    run, apps: Path
) -> None:
    (apps / "a" / "compose.yaml").write_text("services: {web: {imag: x}}\n")

    created = run("baseline", "create", "a")
    broken = run("baseline", "check", "a")
    missing = run("baseline", "check", "a", "nosuch")

    assert created.exit_code == broken.exit_code == 1
    assert created.stderr.startswith("policyd: error: a: compose.yaml:1:")
    assert "a: the project does not load: compose.yaml:1:" in broken.stdout
    assert missing.exit_code == 2
    assert missing.stderr == "policyd: error: nosuch: No such file or directory\n"


def test_a_missing_baseline_is_an_error(run, apps: Path) -> None:
    result = run("baseline", "check", "a")

    assert result.exit_code == 2
    assert result.stderr == (
        "policyd: error: .policyd-baseline.json: there is no baseline; `policyd baseline create` "
        "writes it\n"
    )


@pytest.mark.thorough
def test_reports_have_only_what_is_new_and_mark_the_rest(run, apps: Path) -> None:
    run("baseline", "create", "-r")
    (apps / "a" / "compose.yaml").write_text(DENIED + "    pid: host\n")
    reports = [f"--report={form}={form}" for form in ("sarif", "gitlab", "text", "json")]

    done = run("baseline", "check", "-r", "--format", "github", *reports)

    assert done.exit_code == 1
    assert [line.split("::")[1].split(",")[0] for line in done.stdout.splitlines()] == [
        "error file=a/compose.yaml"
    ]
    [issue] = json.loads(Path("gitlab").read_text())
    assert issue["check_name"] == "no-host-namespaces"
    [log] = json.loads(Path("sarif").read_text())["runs"]
    marked = [(one["ruleId"], "suppressions" in one) for one in log["results"]]
    assert sorted(set(marked)) == [
        ("no-dangerous-capabilities", True),
        ("no-host-namespaces", False),
        ("no-privileged", True),
    ]
    assert log["results"][-1]["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": ".policyd-baseline.json: known violation",
        }
    ]
    assert "no-host-namespaces" in {rule["id"] for rule in log["tool"]["driver"]["rules"]}
    assert Path("text").read_text().startswith("a/compose.yaml:6:10: new: no-host-namespaces")
    assert json.loads(Path("json").read_text())["kind"] == "BaselineComparison"


@pytest.mark.thorough
def test_reports_say_what_does_not_load_and_what_was_not_decided(run, apps: Path) -> None:
    run("baseline", "create", "-r")
    (apps / "a" / "compose.yaml").write_text("services: [")

    broken = run("baseline", "check", "a", "nothing", "--format", "junit")
    unwritten = run("baseline", "check", "b c", "--report", "junit=nowhere/report")

    assert broken.exit_code == 2
    assert '<testcase classname="a" name="compose-invalid"' in broken.stdout
    assert '<testsuite name="nothing" tests="1" failures="0" errors="1"' in broken.stdout
    assert unwritten.exit_code == 2
    assert "--report: cannot write nowhere/report" in unwritten.stderr
    assert run("baseline", "check", "--report", "pdf=x").exit_code == 2
