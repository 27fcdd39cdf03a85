from __future__ import annotations

from pathlib import Path

import pytest

from policyd.discovery import search
from policyd.discovery.search import FoundProject, find_projects, has_project, is_compose_name
from policyd.errors import BundleError
from tests.support.cases import cases

WEB = "services: {web: {image: nginx}}\n"
PART = "services: {web: {restart: always}}\n"


def put(root: Path, *names: str, text: str = WEB) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def found(root: Path, **options: bool) -> list[tuple[str, ...]]:
    """Return each project as its folder relative to `root` and its files."""
    return [
        (Path(one.folder).relative_to(root).as_posix(), *one.files)
        for one in find_projects(str(root), **options)
    ]


def test_a_base_and_its_override_are_one_project_in_every_folder(tmp_path: Path) -> None:
    put(tmp_path, "compose.yaml", "b/docker-compose.yml", "b/docker-compose.override.yml")
    put(tmp_path, "a/deep/er/compose.yml", "a/values.yaml", "a/Dockerfile")

    assert found(tmp_path) == [(".",), ("a/deep/er",), ("b",)]


@pytest.mark.parametrize(
    "name",
    [
        "compose.prod.yaml",
        "docker-compose.dev.yml",
        "docker-compose-gpu.yml",
        "compose.eu.staging.yml",
        "docker-compose_ci.yaml",
        "compose.Prod.yaml",
    ],
)
def test_a_file_with_the_name_of_an_overlay_is_evaluated_over_the_base(
    tmp_path: Path, name: str
) -> None:
    put(tmp_path, "compose.yaml", "compose.override.yaml", name)

    assert found(tmp_path) == [(".",), (".", "compose.yaml", name)]


def test_another_file_is_a_project_of_its_own_if_its_services_are_complete(tmp_path: Path) -> None:
    put(tmp_path, "compose.yaml", "compose.minio.yaml")
    put(tmp_path, "compose.extra.yaml", text=PART)
    put(tmp_path, "compose.broken.yaml", text="services: [\n")

    assert found(tmp_path) == [
        (".",),
        (".", "compose.broken.yaml"),
        (".", "compose.yaml", "compose.extra.yaml"),
        (".", "compose.minio.yaml"),
    ]


def test_every_compose_file_is_evaluated_once(tmp_path: Path) -> None:
    put(tmp_path, "compose.yaml", "docker-compose.yml")
    put(tmp_path, "compose.override.yml", "docker-compose.override.yml")
    put(tmp_path, "lone/compose.prod.yaml", "lone/compose.override.yaml")

    assert found(tmp_path) == [
        (".",),
        (".", "docker-compose.yml"),
        (".", "compose.yaml", "docker-compose.override.yml"),
        ("lone", "compose.override.yaml"),
        ("lone", "compose.prod.yaml"),
    ]


def test_what_git_ignores_is_left_out_unless_asked_for(tmp_path: Path) -> None:
    put(tmp_path, "compose.yaml", "dist/compose.yaml", "a/compose.local.yaml", "a/compose.yaml")
    put(tmp_path, ".gitignore", text="dist/\ncompose.local.yaml\n")

    assert found(tmp_path) == [(".",), ("a",)]
    assert found(tmp_path, with_ignored=True) == [
        (".",),
        ("a",),
        ("a", "compose.yaml", "compose.local.yaml"),
        ("dist",),
    ]


def test_links_to_folders_are_not_followed_and_linked_files_count(tmp_path: Path) -> None:
    put(tmp_path, "real/compose.yaml")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "compose.yaml").symlink_to("../real/compose.yaml")
    put(tmp_path, ".git/compose.yaml")

    assert found(tmp_path) == [("linked",), ("real",)]


def test_a_folder_with_too_many_entries_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a", "b", "c")
    monkeypatch.setattr(search, "MAX_ENTRIES", 2)

    with pytest.raises(BundleError, match="has more than 2 files and folders"):
        list(find_projects(str(tmp_path)))


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nosuch: cannot be read: No such file"):
        list(find_projects(str(tmp_path / "nosuch")))


def test_a_project_is_a_folder_with_a_default_compose_file(tmp_path: Path) -> None:
    put(tmp_path, "a/compose.yml", "b/compose.prod.yaml")

    assert has_project(str(tmp_path / "a"))
    assert not has_project(str(tmp_path / "b"))
    assert not has_project(str(tmp_path))


@cases("name", ["composer.yaml", "compose.json", "my-compose.yaml", "a.yaml"])
def test_other_files_are_no_compose_files(name: str) -> None:
    assert not is_compose_name(name)


def test_a_project_is_named_by_folder_and_files() -> None:
    assert FoundProject("/a").files == ()
