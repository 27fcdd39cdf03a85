"""The files by which pipelines, hooks and editors run policyd: each is run as they would."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from policyd import __version__
from policyd.adoption.first_files import CHECKOUT, Forge, first_files
from policyd.cli import main
from tests.support.repositories import commit, repository

ROOT = Path(__file__).parents[2]
CI = ROOT / "deploy" / "ci"
DENIED = "services:\n  web:\n    image: nginx\n    privileged: true\n"
CLEAN = "services:\n  web:\n    image: nginx\n"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one denied project in a folder, which is the current folder."""
    root = repository(tmp_path / "repo")
    commit(root, {"app/compose.yaml": DENIED})
    monkeypatch.chdir(root)
    monkeypatch.setenv("PWD", str(root))
    return root


def run(command: str) -> int:
    """Run a command line of policyd with the variables of the environment, in this process."""
    words = shlex.split(os.path.expandvars(command))
    assert Path(words[0]).name == "policyd", words
    return CliRunner().invoke(main, words[1:], prog_name="policyd").exit_code


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `script` in bash, with this policyd on the PATH."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


# --- pre-commit ----------------------------------------------------------------------------------


def hooks() -> Mapping[str, Mapping[str, Any]]:
    return {hook["id"]: hook for hook in load(ROOT / ".pre-commit-hooks.yaml")}


def test_hooks_evaluate_projects_and_not_files() -> None:
    assert set(hooks()) == {"policyd", "policyd-baseline", "policyd-fix"}
    for hook in hooks().values():
        assert (hook["language"], hook["pass_filenames"]) == ("python", False)
        assert hook["always_run"]


@pytest.mark.thorough
def test_hooks_deny_accept_and_fix(repo: Path) -> None:
    commands = {
        id_: shlex.join([*hook["entry"].split(), *hook["args"]]) for id_, hook in hooks().items()
    }

    assert run(commands["policyd"]) == 1
    assert run("policyd baseline create -r") == 0
    assert run(commands["policyd-baseline"]) == 0
    assert run(commands["policyd-fix"]) == 0
    assert run(commands["policyd"]) == 0
    assert (repo / "app" / "compose.yaml").read_text() == CLEAN


def test_the_stanza_of_init_names_a_hook_that_exists(tmp_path: Path) -> None:
    stanza = yaml.safe_load(first_files(str(tmp_path)).written[".pre-commit-config.yaml"])

    (source,) = stanza["repos"]
    assert source["rev"] == f"v{__version__}"
    for hook in source["hooks"]:
        assert hook["id"] in hooks()
        assert hook["args"] == []  # .policyd.yaml names the projects


# --- GitHub --------------------------------------------------------------------------------------


def action(repo: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the last step of the action with its inputs as variables."""
    temporary = repo.parent / "runner"
    temporary.mkdir(exist_ok=True)
    link = temporary / "policyd-command"
    if not link.is_symlink():
        link.symlink_to(Path(sys.executable).parent / "policyd")
    summary = str(temporary / "summary.md")
    return shell(
        f"bash {CI}/action/check.sh",
        repo,
        RUNNER_TEMP=str(temporary),
        GITHUB_STEP_SUMMARY=summary,
        GITHUB_REPOSITORY="acme/app",
        **variables,
    )


@pytest.mark.thorough
def test_the_action_annotates_writes_a_summary_and_fails(repo: Path) -> None:
    done = action(repo, ACTION_SARIF="out.sarif", ACTION_PATHS="\napp\n")

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("::error file=app/compose.yaml,line=4,col=17,title=")
    assert json.loads((repo / "out.sarif").read_text())["version"] == "2.1.0"
    assert "### Denied: app" in (repo.parent / "runner" / "summary.md").read_text()


@pytest.mark.slow
def test_without_paths_the_action_finds_the_projects_or_follows_the_repository_file(
    repo: Path,
) -> None:
    assert action(repo).returncode == 1
    (repo / ".policyd.yaml").write_text("projects: [{files: [other.yaml]}]\n")
    (repo / "other.yaml").write_text(CLEAN)
    assert action(repo).returncode == 0


@pytest.mark.slow
def test_inputs_of_the_action_are_never_commands_or_options(repo: Path) -> None:
    evil = "$(touch owned);`touch owned`;--output=owned"
    done = action(repo, ACTION_PATHS=evil, ACTION_ENVIRONMENT=evil, ACTION_CHANGED_SINCE="")
    ref = action(repo, ACTION_CHANGED_SINCE="--output=owned")
    option = action(repo, ACTION_PATHS="--help")

    assert (done.returncode, ref.returncode, option.returncode) == (2, 2, 2)
    assert "--help: No such file or directory" in option.stderr
    assert not (repo / "owned").exists()


def test_the_action_hands_every_input_over_as_a_variable() -> None:
    found = load(ROOT / "action.yml")
    steps = found["runs"]["steps"]
    script = (CI / "action" / "check.sh").read_text()

    assert all("${{" not in step["run"] for step in steps)
    given = {name: text for step in steps for name, text in step.get("env", {}).items()}
    assert set(given.values()) == {f"${{{{ inputs.{name} }}}}" for name in found["inputs"]}
    assert all(f"${{{name}:-}}" in script for name in given)
    assert all((CI / "action" / name).exists() for name in ("install.sh", "check.sh"))


def test_actions_are_pinned_to_commits() -> None:
    texts = [path.read_text() for path in (*CI.glob("*.yml"), ROOT / "action.yml")]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    uses = [line[8:] for line in lines if line.startswith("- uses: ")]

    assert len(uses) >= 3
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # \S+", one) for one in uses)
    assert uses.count(CHECKOUT) == 2


# --- the other pipelines -------------------------------------------------------------------------


@pytest.mark.slow
def test_the_gitlab_component_runs_with_its_inputs(repo: Path) -> None:
    header, job = yaml.safe_load_all((CI / "gitlab-component/templates/policyd.yml").read_text())
    inputs = header["spec"]["inputs"]
    text = json.dumps(job["policyd"]["variables"])
    assert set(re.findall(r"inputs\.([a-z-]+)", text)) == set(inputs) - {"stage"}
    assert inputs["version"]["default"] == __version__

    script = "\n".join(["set -e", *job["policyd"]["script"][1:]])
    given = {"CI_PROJECT_PATH": "a/b", "CI_COMMIT_REF_NAME": "main", "CI_COMMIT_SHA": "0"}
    denied = shell(script, repo, CHECK_ENVIRONMENT="", CHECK_POLICY_SET="", **given)
    wrong = shell(script, repo, CHECK_ENVIRONMENT="", CHECK_POLICY_SET="nosuch", **given)

    assert (denied.returncode, wrong.returncode) == (1, 2)
    assert len(json.loads((repo / "policyd-quality.json").read_text())) == 1
    assert (repo / "policyd-junit.xml").exists()


def test_azure_and_jenkins_write_the_report_that_they_publish(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AGENT_TEMPDIRECTORY", "BUILD_REPOSITORY_NAME", "BUILD_SOURCEBRANCH"):
        monkeypatch.setenv(name, "x")
    for name in ("BUILD_SOURCEVERSION", "GIT_BRANCH", "GIT_COMMIT"):
        monkeypatch.setenv(name, "x")
    for file, pattern in (
        ("azure-pipelines.yml", r'"\S+/policyd" check.*'),
        ("Jenkinsfile", r"\S+/policyd check[^']*"),
    ):
        text = (CI / file).read_text()
        found = re.search(pattern, text)
        assert found, file
        assert run(found[0].removeprefix("'")) == 1
        assert (repo / "policyd.xml").exists()
        (repo / "policyd.xml").unlink()
        assert f"policyd=={__version__}" in text


@pytest.mark.thorough
@pytest.mark.parametrize("forge", ["github", "gitlab", "azure", "jenkins"])
def test_the_job_of_init_runs(repo: Path, forge: Forge) -> None:
    found = first_files(str(repo), forge)
    (repo / ".policyd.yaml").write_text(found.written[".policyd.yaml"])
    text = "\n".join([*found.written.values(), *found.added.values()])
    command = re.findall(r"policyd (check[^'\n]*)", text.partition("hooks:")[2])

    assert [run(f"policyd {one}") for one in command] == [1]


# --- editors -------------------------------------------------------------------------------------


def test_the_problem_matchers_of_vs_code_find_what_check_prints(repo: Path) -> None:
    tasks = json.loads((ROOT / "deploy/editor/vscode/tasks.json").read_text())["tasks"]
    check = tasks[0]
    (repo / "broken").mkdir()
    (repo / "broken" / "compose.yaml").write_text("services: {web: {imag: x}}\n")
    output = CliRunner().invoke(main, check["args"], prog_name="policyd").stdout
    denied, warning = (
        re.compile(one["pattern"]["regexp"], re.MULTILINE) for one in check["problemMatcher"]
    )

    assert [found[:3] for found in denied.findall(output)] == [
        ("app/compose.yaml", "4", "17"),
        ("broken/compose.yaml", "1", "24"),
    ]
    assert warning.findall(output) == []
    assert warning.findall("a b.yaml:1:2: warning: odd") == [("a b.yaml", "1", "2", "odd")]
    assert denied.findall("a.yaml:1:2: warning: odd\nb.yaml:1:2: exempted: odd\n") == []
