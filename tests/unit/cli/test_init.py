from __future__ import annotations

from pathlib import Path

from tests.support.repositories import repository


def test_the_first_files_are_written_once_and_work(run, folder: Path) -> None:
    repository(folder)
    (folder / ".github").mkdir()
    (folder / "compose.yaml").write_text("services:\n  web:\n    image: nginx\n")
    (folder / "compose.prod.yaml").write_text("services:\n  web:\n    privileged: true\n")

    first = run("init")
    again = run("init")
    checked = run("check", "--quiet")

    assert first.exit_code == again.exit_code == 0
    assert first.stdout == (
        "wrote .policyd.yaml\n"
        "wrote .pre-commit-config.yaml\n"
        "wrote .github/workflows/policyd.yml\n"
        "\n2 projects found. Run `policyd check`.\n"
    )
    assert again.stdout.startswith(".policyd.yaml exists and is not changed\n")
    assert checked.stdout == (
        "DENIED  compose.yaml compose.prod.yaml: 1 violation\n"
        "ALLOWED  .\n\n2 projects: 1 allowed, 1 denied\n"
    )


def test_a_dry_run_prints_the_files_and_writes_nothing(run, folder: Path) -> None:
    repository(folder)

    result = run("init", "--dry-run", "--ci", "jenkins")

    assert result.exit_code == 0
    assert result.stdout.startswith("would write .policyd.yaml\n    # How `policyd check`")
    assert "add to Jenkinsfile:\n    stage('policyd') {\n" in result.stdout
    assert sorted(path.name for path in folder.iterdir()) == [".git"]


def test_a_folder_below_the_root_gets_files_of_its_own_with_a_note(
    run, folder: Path, monkeypatch
) -> None:
    repository(folder)
    below = folder / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    monkeypatch.setenv("PWD", str(below))

    result = run("init")

    assert (below / ".policyd.yaml").exists()
    assert result.stderr == (
        f"policyd: note: the root of the repository is {folder}: pipelines look for their files "
        "there\n"
    )


def test_without_a_pipeline_a_hint_names_the_option(run, folder: Path) -> None:
    repository(folder)

    assert "no pipeline found; name one with --ci" in run("init").stdout
