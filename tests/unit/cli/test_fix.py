from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

DENIED = """\
services:
  # The web server.
  web:
    image: nginx
    privileged: true  # because
    gpus: all
"""
FIXED = DENIED.replace("    privileged: true  # because\n", "")
DIFF = """\
--- a/app/compose.yaml
+++ b/app/compose.yaml
@@ -2,5 +2,4 @@
   # The web server.
   web:
     image: nginx
-    privileged: true  # because
     gpus: all
"""


@pytest.fixture
def app(folder: Path) -> Path:
    (folder / "app").mkdir()
    (folder / "app" / "compose.yaml").write_text(DENIED)
    return folder / "app" / "compose.yaml"


def test_by_default_a_diff_is_printed_and_nothing_is_written(run, app: Path) -> None:
    result = run("fix", "app")

    assert (result.exit_code, result.stdout) == (1, DIFF)
    lines = result.stderr.splitlines()
    assert lines[0] == "app: 1 violation can be fixed, 2 remain (places as after the changes)"
    assert lines[1].startswith("  can be fixed: no-privileged (1): Remove `privileged: true`")
    assert lines[2].startswith("  remains: app/compose.yaml:5:11: no-all-gpus: ")
    assert lines[-1] == "Nothing was written; --apply writes the changes."
    assert app.read_text() == DENIED


def test_the_diff_can_be_applied(run, app: Path, folder: Path) -> None:
    patch = run("fix", "app").stdout
    subprocess.run(["git", "apply", "-"], input=patch.encode(), cwd=folder, check=True)

    assert app.read_text() == FIXED


@pytest.mark.thorough
def test_apply_writes_the_changes_and_evaluates_again(run, app: Path) -> None:
    first = run("fix", "--apply", "app")
    again = run("fix", "--apply", "app")

    assert app.read_text() == FIXED
    assert first.exit_code == again.exit_code == 1
    assert first.stderr.startswith("app: 1 violation fixed, 2 remain\n  fixed: no-privileged (1)")
    assert again.stdout == ""
    assert again.stderr.startswith("app: 0 violations fixed, 2 remain\n")


@pytest.mark.thorough
def test_a_project_that_is_allowed_afterwards_is_exit_0(run, app: Path) -> None:
    app.write_text(DENIED.replace("    gpus: all\n", ""))

    assert run("fix", "-r").exit_code == 1
    assert run("fix", "-r", "--apply").exit_code == 0
    assert run("check", "app").exit_code == 0


def test_a_project_that_does_not_load_and_a_missing_one_are_reported(run, app: Path) -> None:
    app.write_text("services: {web: {imag: nginx}}\n")

    refused = run("fix", "app")
    missing = run("fix", "nosuch", "app")

    assert refused.exit_code == 1
    assert refused.stderr.startswith("app: nothing to fix: compose.yaml:1:")
    assert missing.exit_code == 2
    assert missing.stderr.startswith("policyd: error: nosuch: No such file or directory\n")


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("no-privilegd", "unknown policy; did you mean no-privileged?"),
        ("no-all-gpus", "its fix is not mechanical; `policyd policies no-all-gpus` shows"),
    ],
)
def test_a_policy_without_a_mechanical_fix_is_an_error(run, policy: str, message: str) -> None:
    result = run("fix", "--policy", policy)

    assert result.exit_code == 2
    assert message in result.stderr


def test_standard_input_is_not_changed(run) -> None:
    result = run("fix", "-", stdin=DENIED.encode())

    assert result.exit_code == 1
    assert "    not fixed automatically: standard input cannot be changed\n" in result.stderr


def test_trials_are_not_recorded(run, app: Path, folder: Path, monkeypatch) -> None:
    monkeypatch.setenv("POLICYD_AUDIT", str(folder / "audit.db"))

    run("fix", "app")

    assert not (folder / "audit.db").exists()
