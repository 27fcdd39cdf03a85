from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from policyd.cli.options import (
    ComposeFlags,
    bundle,
    caller_environment,
    current_folder,
    settings,
)
from policyd.cli.targets import target
from policyd.errors import BundleError
from policyd.policies.packs import built_in


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "compose.yaml").write_text("services: {}\n")
    return tmp_path


def test_a_folder_is_where_discovery_starts(project: Path) -> None:
    found = target("app", ComposeFlags(), str(project))

    assert (found.source, found.directory, found.flags.files) == ("app", f"{project}/app", ())


def test_a_file_is_a_compose_file_as_with_dash_f(project: Path) -> None:
    found = target("app/compose.yaml", ComposeFlags(), str(project))

    assert found.directory == str(project)
    assert found.flags.files == ("app/compose.yaml",)


def test_flags_mean_the_caller_s_folder_whatever_the_path(project: Path) -> None:
    flags = ComposeFlags(env_files=("prod.env",), project_directory="app", root=".")
    (project / "prod.env").write_text("")

    loaded = bundle(target("app", flags, str(project)), None, {})

    assert loaded.working_directory == f"{project}/app"
    assert loaded.env_files == (f"{project}/prod.env",)
    assert loaded.project_directory == f"{project}/app"
    assert loaded.files.display(f"{project}/prod.env") == "prod.env"


@pytest.mark.parametrize(
    ("path", "message"),
    [("nothing", "nothing: No such file or directory"), ("a\0b", "embedded null")],
)
def test_a_path_where_nothing_is_is_said(project: Path, path: str, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        target(path, ComposeFlags(), str(project))


def test_the_current_folder_has_the_name_that_the_shell_gives_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "alias").symlink_to("app")
    monkeypatch.chdir(project / "app")

    monkeypatch.setenv("PWD", str(project / "alias"))
    assert current_folder() == str(project / "alias")
    monkeypatch.setenv("PWD", str(project))
    assert current_folder() == os.getcwd()
    monkeypatch.setenv("PWD", "relative")
    assert current_folder() == os.getcwd()
    monkeypatch.delenv("PWD")
    assert current_folder() == os.getcwd()


def test_what_is_not_utf_8_in_the_environment_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environb, b"ODD", b"a\xffb")

    assert caller_environment()["ODD"] == "a\ufffdb"


def test_a_level_stands_for_its_policy_set() -> None:
    found = settings(None, policy_set=None, level="restricted")

    assert found.policy_set == str(built_in() / "policy-sets" / "restricted" / "policyset.yaml")
    assert settings(None, policy_set="rules", level=None).policy_set == "rules"


def test_a_level_and_a_policy_set_exclude_each_other() -> None:
    with pytest.raises(click.UsageError) as error:
        settings(None, policy_set="rules", level="baseline")

    assert error.value.message == "--level and --policy-set cannot be used together"


def test_a_level_is_no_file_of_a_policy_set(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(click.UsageError) as error:
        settings(None, policy_set="restricted", level=None)
    assert error.value.message == (
        "--policy-set restricted: no such file; a level is --level restricted"
    )

    (tmp_path / "restricted").mkdir()
    assert settings(None, policy_set="restricted", level=None).policy_set == "restricted"


def test_an_unknown_level_is_an_error_that_names_all(run) -> None:
    result = run("check", "--level", "strict")

    assert result.exit_code == 2
    assert "'strict' is not one of 'baseline', 'restricted', 'gpu-shared-host'" in result.output
