from __future__ import annotations

import json
from pathlib import Path

import pytest

POLICY = """\
# METADATA
# title: No image at all
# description: For a test.
# custom:
#   id: no-image
#   severity: low
#   remediation: "Name another image."
package policyd.policies.no_image

import data.policyd.lib.workload

violation contains workload.at(w, ["image"], "it has an image") if {
\tsome w in input.workloads
\tw.image != ""
}
"""
TEST = """\
package policyd.policies.no_image_test

import data.policyd.policies.no_image

test_true if {{
\tcount(no_image.violation) == {count} with input.workloads as []
}}
"""
SAMPLE = "# expect: {expected}\nservices:\n  web:\n    image: nginx\n"


def write(folder: Path, count: int, expected: str) -> None:
    place = folder / "rules" / "no_image"
    (place / "samples").mkdir(parents=True)
    (place / "policy.rego").write_text(POLICY)
    (place / "policy_test.rego").write_text(TEST.format(count=count))
    (place / "samples" / "image.yaml").write_text(SAMPLE.format(expected=expected))


def test_tests_that_pass_are_counted_and_exit_0(run, folder) -> None:
    write(folder, 0, "no-image")

    result = run("test", "rules")

    assert (result.exit_code, result.stdout) == (0, "2 passed, 0 failed\n")
    assert run("test", "rules", "-v").stdout.count(": passed\n") == 2


def test_tests_that_fail_are_named_with_their_place_and_exit_1(run, folder) -> None:
    write(folder, 3, "nothing")

    result = run("test", "rules")

    assert result.exit_code == 1
    assert "rules/no_image/policy_test.rego:5:1: " in result.stdout
    assert "expected nothing, reported no-image" in result.stdout
    assert result.stdout.endswith("0 passed, 2 failed\n")


def test_without_a_folder_the_current_one_is_tested(run, folder) -> None:
    write(folder, 0, "no-image")

    assert run("test").stdout == "2 passed, 0 failed\n"


def test_coverage_is_told_for_each_file_and_overall(run, folder) -> None:
    write(folder, 0, "no-image")

    result = run("test", "rules", "--coverage")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "2 passed, 0 failed",
        "",
        "FILE                        LINES  COVERED  NOT COVERED",
        "rules/no_image/policy.rego  3      33.3 %   12, 14",
        "",
        "33.3 % of 3 lines covered",
    ]


@pytest.mark.thorough
@pytest.mark.parametrize(("minimum", "code"), [("33.3", 0), ("33.4", 1), ("0", 0)])
def test_less_coverage_than_the_minimum_is_exit_1(run, folder, minimum: str, code: int) -> None:
    write(folder, 0, "no-image")

    result = run("test", "rules", "--coverage", "--min", minimum)

    assert result.exit_code == code
    assert ("covered, below the minimum of 33.4 %\n" in result.stdout) == bool(code)


def test_json_has_the_tests_and_the_coverage(run, folder) -> None:
    write(folder, 0, "no-image")

    report = json.loads(run("test", "rules", "--coverage", "--format", "json").stdout)

    assert report["kind"] == "TestReport"
    assert [test["message"] for test in report["tests"]] == ["", ""]
    (file,) = report["coverage"]["files"]
    assert (file["file"], file["covered"], file["missed"]) == (
        "rules/no_image/policy.rego",
        1,
        [12, 14],
    )
    assert round(report["coverage"]["percent"], 3) == round(file["percent"], 3) == 33.333


def test_a_minimum_without_coverage_is_exit_2(run, folder) -> None:
    assert run("test", "rules", "--min", "95").exit_code == 2


@pytest.mark.parametrize("arguments", [["test"], ["test", "nosuch"], ["test", "."]])
def test_where_there_is_no_test_it_is_exit_2(run, folder, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2
