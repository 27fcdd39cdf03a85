from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from policyd.admission import Admission
from policyd.bundle import directory_bundle
from policyd.fixes.fixing import FixedProject, fix_project
from policyd.loading import prepare
from policyd.model import Review
from tests.support.fixes.evaluation import default_admission

REVIEW = Review(uid="1", enforcement_point="cli", now=1_795_446_000_000_000_000)


@pytest.fixture(scope="module")
def admission() -> Iterator[Admission]:
    with default_admission() as admission:
        yield admission


def fix(admission: Admission, folder: Path, *policies: str, **files: str) -> FixedProject:
    for name, text in files.items():
        (folder / f"{name.replace('__', '.')}.yaml").write_text(text)
    bundle = directory_bundle(str(folder), root=str(folder), profiles=())
    return fix_project(bundle, lambda one: admission.decide(prepare(one), REVIEW), policies)


def test_the_file_in_which_the_value_stands_is_edited(admission: Admission, tmp_path: Path) -> None:
    result = fix(
        admission,
        tmp_path,
        compose="include: [extra.yaml]\nservices:\n  web:\n    extends: {file: lib.yaml, "
        "service: base}\n",
        lib="services:\n  base:\n    image: nginx\n    privileged: true\n",
        extra="services:\n  more:\n    image: nginx\n    cap_add: [SYS_ADMIN]\n",
        compose__override="services:\n  web:\n    pid: host\n    init: true\n",
    )

    assert {name: new for name, (_, new) in result.texts.items()} == {
        "lib.yaml": "services:\n  base:\n    image: nginx\n",
        "extra.yaml": "services:\n  more:\n    image: nginx\n",
        "compose.override.yaml": "services:\n  web:\n    init: true\n",
    }
    assert result.after.allowed


def test_a_value_in_two_files_is_removed_from_both(admission: Admission, tmp_path: Path) -> None:
    result = fix(
        admission,
        tmp_path,
        compose="services:\n  web:\n    image: nginx\n    privileged: true\n",
        compose__override="services:\n  web:\n    init: true\n    privileged: true\n",
    )

    assert result.after.allowed
    assert len(result.texts) == len(result.fixed) == 2


def test_only_the_named_policies_are_fixed(admission: Admission, tmp_path: Path) -> None:
    result = fix(
        admission,
        tmp_path,
        "no-privileged",
        compose="services:\n  web:\n    image: nginx\n    privileged: true\n    pid: host\n",
    )

    assert [one.policy for one in result.fixed] == ["no-privileged"]
    assert [one.policy for one in result.after.violations] == ["no-host-namespaces"]


def test_an_edit_that_breaks_the_project_is_not_kept(admission: Admission, tmp_path: Path) -> None:
    text = "x-on: &on true\nservices:\n  web:\n    image: nginx\n    privileged: *on\n"
    result = fix(admission, tmp_path, compose=text)

    assert result.texts == {}
    (violation,) = result.after.violations
    assert result.problem(violation) == "it is not written below privileged"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "services:\n  web:\n    image: nginx\n    privileged: &on true\n    init: *on\n",
            "with the edit, the project does not load: ",
        ),
        (
            "services:\n  web:\n    image: nginx\n    env_file: [vars.env]\n",
            "no value begins at this place",
        ),
    ],
)
def test_the_reason_says_why_a_fix_was_not_made(
    admission: Admission, tmp_path: Path, text: str, problem: str
) -> None:
    (tmp_path / "vars.env").write_text("NVIDIA_NVSWITCH=enabled\n")
    result = fix(admission, tmp_path, compose=text)

    (violation,) = result.after.violations
    assert result.problem(violation).startswith(problem)
    assert result.texts == {}


def test_a_project_that_does_not_load_is_not_edited(admission: Admission, tmp_path: Path) -> None:
    result = fix(admission, tmp_path, compose="services: {web: {imag: x}}\n")

    assert (result.before.status.code, result.texts, result.fixed) == (422, {}, ())


def test_a_file_behind_a_link_and_outside_the_root_is_not_edited(
    admission: Admission, tmp_path: Path
) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "real.yaml").write_text(
        "services:\n  web:\n    image: nginx\n    privileged: true\n"
    )
    (tmp_path / "p" / "compose.yaml").symlink_to("real.yaml")

    result = fix(admission, tmp_path / "p")
    (violation,) = result.after.violations
    assert result.problem(violation) == (
        "compose.yaml: is reached through a symbolic link, so it is not changed"
    )
