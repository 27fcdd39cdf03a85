from __future__ import annotations

import os
from pathlib import Path

import pytest

from policyd.bundle import (
    DirectoryFiles,
    MemoryFiles,
    directory_bundle,
    memory_bundle,
)
from policyd.errors import BundleError, PayloadTooLarge
from policyd.limits import MAX_BUNDLE, MAX_FILE, MAX_FILES
from tests.support.cases import cases


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "compose.yaml").write_text("services: {}\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "app.env").write_text("A=1\n")
    (tmp_path / "secret").write_text("hidden\n")
    return folder


# --- a folder -------------------------------------------------------------------------------------


def test_a_folder_gives_files_and_kinds_below_its_root(project: Path) -> None:
    files = DirectoryFiles(str(project))

    assert files.read(f"{project}/sub/../sub//app.env") == b"A=1\n"
    assert files.kind(f"{project}/compose.yaml") == "file"
    assert files.kind(f"{project}/sub") == "directory"
    assert files.kind(f"{project}/nothing") == ""
    assert files.kind(f"{project}/compose.yaml/below-a-file") == ""
    assert files.display(f"{project}/sub/app.env") == "sub/app.env"


def test_what_is_not_there_and_what_is_a_folder_are_told_apart(project: Path) -> None:
    files = DirectoryFiles(str(project))

    with pytest.raises(FileNotFoundError):
        files.read(f"{project}/nothing")
    with pytest.raises(IsADirectoryError):
        files.read(f"{project}/sub")


@pytest.mark.parametrize("name", ["../secret", "sub/../../secret", "link", "folder-link/secret"])
def test_a_path_or_link_that_leaves_the_root_is_refused_and_looks_absent(
    project: Path, name: str
) -> None:
    (project / "link").symlink_to("../secret")
    (project / "folder-link").symlink_to("..")
    files = DirectoryFiles(str(project))

    with pytest.raises(BundleError, match=r"is outside .*/project; to allow reading it, name"):
        files.read(f"{project}/{name}")
    assert files.kind(f"{project}/{name}") == ""


def test_a_neighbour_whose_name_begins_like_the_root_is_outside(project: Path) -> None:
    (project.parent / "project-evil").write_text("x")

    with pytest.raises(BundleError, match="is outside"):
        DirectoryFiles(str(project)).read(f"{project}-evil")


def test_a_link_that_stays_below_the_root_is_followed(project: Path) -> None:
    (project / "link").symlink_to("sub/app.env")

    assert DirectoryFiles(str(project)).read(f"{project}/link") == b"A=1\n"


def test_a_root_that_is_itself_a_link_keeps_the_name_it_was_given(project: Path) -> None:
    link = project.parent / "alias"
    link.symlink_to(project)
    files = DirectoryFiles(str(link))

    assert files.read(f"{link}/compose.yaml") == b"services: {}\n"
    assert files.display(f"{link}/compose.yaml") == "compose.yaml"


def test_only_regular_files_are_read(project: Path) -> None:
    os.mkfifo(project / "pipe")
    files = DirectoryFiles(str(project))

    assert files.kind(f"{project}/pipe") == "file"
    with pytest.raises(BundleError, match="pipe: is not a regular file"):
        files.read(f"{project}/pipe")


def test_a_file_is_read_once(project: Path) -> None:
    files = DirectoryFiles(str(project))
    files.read(f"{project}/compose.yaml")
    with pytest.raises(FileNotFoundError):
        files.read(f"{project}/late.env")

    (project / "compose.yaml").write_text("changed\n")
    (project / "late.env").write_text("LATE=1\n")

    assert files.read(f"{project}/compose.yaml") == b"services: {}\n"
    assert files.kind(f"{project}/late.env") == ""
    with pytest.raises(FileNotFoundError):
        files.read(f"{project}/late.env")


def test_a_file_over_the_limit_is_refused_and_one_at_the_limit_is_not(project: Path) -> None:
    with open(project / "big", "wb") as file:
        file.truncate(MAX_FILE + 1_000)
    with open(project / "fits", "wb") as file:
        file.truncate(MAX_FILE)
    files = DirectoryFiles(str(project))

    assert len(files.read(f"{project}/fits")) == MAX_FILE
    with pytest.raises(
        PayloadTooLarge, match=r"^big: the file has 4,195,304 bytes; the limit is 4 MiB$"
    ):
        files.read(f"{project}/big")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/project/a\0b", "has a NUL byte"),
        ("compose.yaml", "is not absolute"),
        ("/" + "a" * 5000, "the limit is 4,096"),
        ("/\ud800", "UTF-8"),
    ],
)
def test_a_path_that_is_no_path_is_refused(project: Path, path: str, message: str) -> None:
    files = DirectoryFiles(str(project))

    with pytest.raises(BundleError, match=message):
        files.read(path)
    with pytest.raises(BundleError, match=message):
        files.kind(path)


def test_what_was_read_is_found_by_the_name_that_messages_show(project: Path) -> None:
    outside = str(project.parent / "secret")
    bundle = directory_bundle(str(project), ["-"], env_files=["../secret"], stdin=b"x: 1\n")
    bundle.files.read(f"{project}/sub/app.env")
    bundle.files.read(outside)
    bundle.files.read("-")

    assert isinstance(bundle.files, DirectoryFiles)
    assert bundle.files.shown("sub/app.env") == b"A=1\n"
    assert bundle.files.shown(outside) == b"hidden\n"
    assert bundle.files.shown("-") == b"x: 1\n"
    assert bundle.files.shown("compose.yaml") is None


# --- the digest -----------------------------------------------------------------------------------


def test_the_digest_does_not_depend_on_where_the_files_lie(project: Path) -> None:
    on_disk = DirectoryFiles(str(project))
    in_memory = MemoryFiles({"compose.yaml": b"services: {}\n", "sub/app.env": b"A=1\n"})
    for files, root in ((on_disk, str(project)), (in_memory, "/project")):
        files.read(f"{root}/compose.yaml")
        files.kind(f"{root}/.env")
        files.kind(f"{root}/../compose.yaml")

    assert on_disk.digest() == in_memory.digest()
    assert on_disk.digest().startswith("sha256:")


def test_the_digest_tells_apart_content_absence_and_folder() -> None:
    digests = set()
    for files in (
        MemoryFiles({"a": b"1"}),
        MemoryFiles({"a": b"2"}),
        MemoryFiles({"b": b"1"}),
        MemoryFiles({"a/c": b"1"}),
    ):
        if files.kind("/project/a") == "file":
            files.read("/project/a")
        digests.add(files.digest())

    assert len(digests) == 4


def test_the_digest_covers_only_what_was_looked_at() -> None:
    one = MemoryFiles({"compose.yaml": b"x", "data.bin": b"1"})
    two = MemoryFiles({"compose.yaml": b"x", "data.bin": b"2"})
    one.read("/project/compose.yaml")
    two.read("/project/compose.yaml")

    assert one.digest() == two.digest()


def test_the_names_are_those_of_all_that_was_read(project: Path) -> None:
    files = DirectoryFiles(str(project))
    files.read(f"{project}/sub/app.env")
    files.read(f"{project}/compose.yaml")
    files.kind(f"{project}/sub")

    assert files.names() == ("compose.yaml", "sub/app.env")
    assert MemoryFiles({"compose.yaml": b""}).names() == ()


def test_standard_input_is_part_of_the_digest(project: Path) -> None:
    one, two = (directory_bundle(str(project), ["-"], stdin=text).files for text in (b"1", b"2"))

    assert (one.read("-"), two.read("-")) == (b"1", b"2")
    assert one.digest() != two.digest()
    assert (one.names(), one.shown("-")) == (("-",), b"1")


# --- what a caller of Compose types ---------------------------------------------------------------


def test_names_are_read_against_the_current_folder(project: Path) -> None:
    bundle = directory_bundle(
        str(project),
        ["compose.yaml", "-", "sub/../two.yaml"],
        env_files=["sub/app.env"],
        project_directory="sub",
        profiles=["gpu"],
        project_name="train",
        environment={"TAG": "1"},
        stdin=b"services: {}\n",
    )

    assert bundle.working_directory == str(project)
    assert bundle.compose_files == (f"{project}/compose.yaml", "-", f"{project}/two.yaml")
    assert bundle.env_files == (f"{project}/sub/app.env",)
    assert bundle.project_directory == f"{project}/sub"
    assert bundle.profiles == ("gpu",)
    assert bundle.project_name == "train"
    assert bundle.environment == {"TAG": "1"}
    assert bundle.files.read("-") == b"services: {}\n"


def test_the_default_root_is_the_nearest_folder_with_git(project: Path) -> None:
    (project.parent / ".git").mkdir()

    bundle = directory_bundle(str(project / "sub"))

    assert bundle.files.read(str(project.parent / "secret")) == b"hidden\n"


def test_without_git_the_root_is_the_folder_where_discovery_finds_the_project(
    project: Path,
) -> None:
    bundle = directory_bundle(str(project / "sub"))

    assert bundle.files.kind(f"{project}/compose.yaml") == "file"
    assert bundle.files.kind(f"{project.parent}/secret") == ""


def test_without_git_the_root_of_a_file_named_relative_is_the_current_folder(
    project: Path,
) -> None:
    bundle = directory_bundle(str(project), ["sub/app.env"])

    assert bundle.files.kind(f"{project}/compose.yaml") == "file"
    assert bundle.files.kind(f"{project.parent}/secret") == ""


def test_without_git_the_root_of_a_file_named_absolute_or_elsewhere_is_its_folder(
    project: Path,
) -> None:
    absolute = directory_bundle(str(project), [f"{project}/sub/app.env"])
    elsewhere = directory_bundle(f"{project}/other", ["../sub/app.env"])

    for bundle in (absolute, elsewhere):
        assert bundle.files.kind(f"{project}/sub/app.env") == "file"
        assert bundle.files.kind(f"{project}/compose.yaml") == ""


def test_a_root_that_was_named_wins_over_git(project: Path) -> None:
    (project.parent / ".git").mkdir()

    bundle = directory_bundle(str(project), root=".")

    assert bundle.files.kind(f"{project.parent}/secret") == ""


def test_files_that_the_caller_named_may_lie_outside_the_root(project: Path) -> None:
    bundle = directory_bundle(str(project), ["compose.yaml"], env_files=["../secret"])

    assert bundle.files.read(f"{project.parent}/secret") == b"hidden\n"
    assert bundle.files.display(f"{project.parent}/secret") == f"{project.parent}/secret"


def test_a_root_that_is_no_folder_is_refused(project: Path) -> None:
    with pytest.raises(BundleError, match=r"compose\.yaml: the root is not a folder"):
        directory_bundle(str(project), root="compose.yaml")


def test_a_project_outside_the_root_is_refused(project: Path) -> None:
    root = project.parent / "other"
    root.mkdir()

    with pytest.raises(BundleError) as caught:
        directory_bundle(str(project), root=str(root))
    assert str(caught.value) == f"{project}: is outside of the root {root}, so it is not read"

    named = {"COMPOSE_FILE": f"{root}/compose.yaml"}
    assert directory_bundle(str(project), root=str(root), environment=named).compose_files == ()


def test_a_remote_project_is_not_fetched(project: Path) -> None:
    with pytest.raises(BundleError, match="remote projects are not fetched"):
        directory_bundle(str(project), ["oci://registry.example/app:1"])


def test_standard_input_over_the_limit_is_refused(project: Path) -> None:
    files = directory_bundle(str(project), ["-"], stdin=bytes(MAX_FILE + 1)).files

    with pytest.raises(PayloadTooLarge, match=r"^-: the file has 4,194,305 bytes"):
        files.read("-")


# --- memory ---------------------------------------------------------------------------------------


def test_memory_gives_the_files_it_was_given_and_no_others() -> None:
    bundle = memory_bundle(
        {"./compose.yaml": b"services: {}\n", "conf//app.env": b"A=1\n"},
        ["./compose.yaml"],
        ["conf/app.env"],
        environment={"TAG": "1"},
    )

    assert bundle.files.read("/project/compose.yaml") == b"services: {}\n"
    assert bundle.files.kind("/project/conf") == "directory"
    assert bundle.files.kind("/project") == "directory"
    assert bundle.files.kind("/etc/passwd") == ""
    assert bundle.files.display("/project/conf/app.env") == "conf/app.env"
    assert bundle.compose_files == ("/project/compose.yaml",)
    assert bundle.env_files == ("/project/conf/app.env",)
    assert bundle.profiles == ()
    with pytest.raises(BundleError, match="/etc/passwd: is outside the project"):
        bundle.files.read("/etc/passwd")
    with pytest.raises(FileNotFoundError):
        bundle.files.read("/project/.env")
    with pytest.raises(IsADirectoryError):
        bundle.files.read("/project/conf")


@pytest.mark.parametrize("folder", ["/", "/work"])
def test_a_folder_around_the_project_is_a_directory(tmp_path: Path, folder: str) -> None:
    with pytest.raises(IsADirectoryError):
        memory_bundle({"a": b""}, root="/work/project").files.read(folder)
    with pytest.raises(IsADirectoryError):
        directory_bundle(str(tmp_path)).files.read(str(tmp_path.parent))


@cases(
    ("names", "message"),
    [
        (["/etc/passwd"], "the name is absolute"),
        (["a/../b"], r"has a '\.\.'"),
        ([".."], r"has a '\.\.'"),
        ([""], "is empty"),
        (["./"], "is empty"),
        (["a\0"], "NUL byte"),
        (["a", "./a"], "'a': duplicate name"),
        (["a", "a/b"], "'a': the name is both a file and a folder"),
    ],
)
def test_a_bad_name_in_a_request_is_refused(names: list[str], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        memory_bundle(dict.fromkeys(names, b""))


@cases("name", ["/etc/passwd", "../x", ""])
def test_the_compose_and_env_files_of_a_request_are_names_inside_it(name: str) -> None:
    with pytest.raises(BundleError):
        memory_bundle({"compose.yaml": b""}, [name])
    with pytest.raises(BundleError):
        memory_bundle({"compose.yaml": b""}, (), [name])


def test_limits_hold_for_a_file_for_all_files_and_for_their_number() -> None:
    large = memory_bundle({"a": bytes(MAX_FILE + 1), "b": b"1"}).files
    assert large.read("/project/b") == b"1"
    with pytest.raises(PayloadTooLarge, match="a: the file has 4,194,305 bytes"):
        large.read("/project/a")
    with pytest.raises(PayloadTooLarge, match="more than 32 MiB"):
        memory_bundle({str(i): bytes(MAX_FILE) for i in range(MAX_BUNDLE // MAX_FILE + 1)})
    with pytest.raises(PayloadTooLarge, match="more than 1000 files"):
        memory_bundle({str(i): b"" for i in range(MAX_FILES + 1)})
    assert memory_bundle({str(i): b"" for i in range(MAX_FILES)})


def test_a_file_that_becomes_a_link_before_it_is_opened_is_not_read(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can write to the project could otherwise have a file outside it read."""
    file = project / "compose.yaml"
    bundle = directory_bundle(str(project), root=str(project))
    opened = os.open

    def swap_and_open(path: str, flags: int, *mode: int) -> int:
        file.unlink()
        file.symlink_to(project.parent / "secret")
        return opened(path, flags, *mode)

    monkeypatch.setattr(os, "open", swap_and_open)
    with pytest.raises(BundleError, match=r"^compose\.yaml: cannot be read: "):
        bundle.files.read(str(file))
