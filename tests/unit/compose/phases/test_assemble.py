"""Files, documents and includes are merged in the order of Compose."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.bundle import directory_bundle
from policyd.compose import load
from policyd.compose.context import LoadContext, Scope
from policyd.compose.nodes import plain
from policyd.compose.phases.assemble import LoadedFiles, ModelLoader
from policyd.errors import ComposeError
from policyd.limits import MAX_FILE
from tests.support.compose_projects import context, project, refusal

SCOPE = Scope("/project", "/project", {"TAG": "1"})


def test_a_later_file_and_a_later_document_win() -> None:
    found = context(
        {
            "a.yaml": "services: {web: {image: a, user: a}}\n---\nservices: {web: {user: b}}\n",
            "b.yaml": "services: {web: {image: 'b:$TAG'}}\n",
        }
    )

    model = ModelLoader(found, LoadedFiles(found), SCOPE).load(
        ("/project/a.yaml", "/project/b.yaml")
    )

    assert plain(model) == {"services": {"web": {"image": "b:1", "user": "b"}}}


def test_a_file_is_parsed_once_and_counted_each_time() -> None:
    found = context({"a.yaml": "services: {}\n"})
    files = LoadedFiles(found)

    assert files.documents("/project/a.yaml") is files.documents("/project/a.yaml")
    for _ in range(500):
        files.count("/project/a.yaml")
    with pytest.raises(ComposeError) as error:
        files.count("/project/a.yaml")
    assert str(error.value) == "a.yaml: more than 500 files are included or extended"


def test_files_that_are_missing_directories_or_remote_are_refused() -> None:
    found = context({"sub/a.yaml": ""})
    files = LoadedFiles(found)

    for path, message in (
        ("/project/b.yaml", "the file b.yaml does not exist"),
        ("/project/sub", "sub is a directory, expected a file"),
        ("oci://example.com/a", "'oci://example.com/a' is remote; remote files are never fetched"),
    ):
        with pytest.raises(ComposeError) as error:
            files.documents(path)
        assert str(error.value) == message


def test_the_standard_input_is_a_file(tmp_path: Path) -> None:
    text = b"services: {web: {image: x}}\n"
    found = LoadContext(directory_bundle(str(tmp_path), ["-"], stdin=text))

    (document,) = LoadedFiles(found).documents("-")

    assert plain(document.root) == {"services": {"web": {"image": "x"}}}


def test_version_is_warned_of_and_dropped() -> None:
    found = project("version: '3'\nservices: {web: {image: x}}\n")

    assert found.warnings == ("compose.yaml: `version` is obsolete and ignored; remove it",)
    assert "version" not in found.tree


def test_a_reset_in_a_later_file_removes_what_an_earlier_one_says() -> None:
    found = project(
        "services: {web: {image: x, privileged: true, x-develop: {watch: []}}}\n",
        {"compose.override.yaml": "services: {web: {privileged: !reset null}}\n"},
    )

    assert "privileged" not in found.tree["services"]["web"]


def test_an_error_in_an_extended_file_has_its_place() -> None:
    assert refusal(
        "services: {web: {extends: {file: b.yaml, service: x}}}\n", {"b.yaml": "services: []\n"}
    ) == ("compose.yaml:1:27: extends.file 'b.yaml' has no mapping of services")


def test_an_included_model_is_loaded_once() -> None:
    found = context(
        {
            "compose.yaml": "include: [b.yaml, b.yaml]\n",
            "b.yaml": "services: {web: {image: x, security_opt: [a]}}\n",
        }
    )
    files = LoadedFiles(found)

    model = ModelLoader(found, files, SCOPE).load(("/project/compose.yaml",))

    assert len(files.models) == 1
    assert plain(model)["services"]["web"]["security_opt"] == ["a"]


def test_a_file_above_the_limit_is_refused_as_any_other_limit(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_bytes(b"#" * (MAX_FILE + 1))

    with pytest.raises(ComposeError) as error:
        load(directory_bundle(str(tmp_path)))

    assert str(error.value) == "compose.yaml: the file has 4,194,305 bytes; the limit is 4 MiB"
    assert error.value.status.code == 422
