"""Loading a project once."""

from __future__ import annotations

import pytest

from policyd.bundle import memory_bundle
from policyd.errors import BundleError, ComposeError, NoComposeFile
from policyd.loading import BLANK, Loaded, NotLoaded, load_project, prepare
from policyd.model import Location, NotEvaluated


def files(text: str):
    return memory_bundle({"compose.yaml": text.encode(), "notes.txt": b"not read"})


def test_a_loaded_project_has_its_workloads_files_and_digest():
    bundle = files("name: demo\nservices:\n  web:\n    image: nginx\n")

    loaded = prepare(bundle)

    assert isinstance(loaded, Loaded)
    assert loaded.project.name == "demo"
    assert [(one.name, one.image) for one in loaded.workloads] == [("web", "nginx")]
    assert loaded.not_evaluated == ()
    assert loaded.files == ("compose.yaml",)
    assert loaded.digest == bundle.files.digest()


def test_variables_without_a_value_are_not_evaluated_each_at_its_first_use():
    loaded = load_project(files("services:\n  web:\n    image: x:$TAG\n    user: $TAG$UID\n"))

    assert loaded.not_evaluated == (
        NotEvaluated("variable", "${TAG}", BLANK, Location("compose.yaml", 3, 12)),
        NotEvaluated("variable", "${UID}", BLANK, Location("compose.yaml", 4, 11)),
    )


def test_a_project_that_compose_refuses_is_not_loaded_and_keeps_the_error():
    bundle = files("services:\n  web:\n    image: nginx\n    privileged: 1\n")

    loaded = prepare(bundle)

    assert isinstance(loaded, NotLoaded)
    assert loaded.error.where == Location("compose.yaml", 4, 17)
    assert loaded.error.status.location == loaded.error.where
    assert (loaded.files, loaded.digest) == (("compose.yaml",), bundle.files.digest())
    with pytest.raises(ComposeError):
        load_project(bundle)


def test_without_a_project_there_is_nothing_to_decide_on():
    with pytest.raises(NoComposeFile):
        prepare(memory_bundle({"README": b""}))
    with pytest.raises(BundleError):
        prepare(memory_bundle({"../compose.yaml": b""}))
