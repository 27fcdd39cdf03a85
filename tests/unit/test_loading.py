"""Loading a project once."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from policyd.bundle import memory_bundle
from policyd.errors import BundleError, ComposeError, NoComposeFile
from policyd.loading import BLANK, Loaded, NotLoaded, load_project, prepare
from policyd.model import ImageConfig, InspectedImage, Location, NotEvaluated
from policyd.workloads.image_configs import ImageRequest, ImagesRead


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


class Images:
    """A source of configurations that remembers what it was asked for."""

    def __init__(self, configs: dict[ImageRequest, ImageConfig]) -> None:
        self.configs = configs
        self.asked: list[ImageRequest] = []

    def read(self, wanted: Collection[ImageRequest]) -> ImagesRead:
        self.asked = list(wanted)
        known = {one: self.configs[one] for one in wanted if one in self.configs}
        return ImagesRead(known, {one: "it is gone" for one in wanted if one not in known})


def test_images_and_bases_are_read_but_not_what_is_handed_over_or_built():
    text = (
        "services:\n"
        "  a: {image: 'own:1', build: .}\n"
        "  b: {image: 'own:1', platform: linux/arm64}\n"
        "  c: {image: 'x:1', platform: linux/arm64, pre_start: [{image: hook}, {command: [a]}]}\n"
        "  d: {image: 'x:1'}\n"
        "  e: {image: 'x:1'}\n"
        "  f: {image: 'ci:1'}\n"
        "  g: {build: {context: ., dockerfile_inline: 'FROM scratch'}}\n"
    )
    files = {"compose.yaml": text.encode(), "Dockerfile": b"FROM base:1\nENV B=$A-$L\n"}
    handed_over = {"ci:1": ImageConfig(user="ci")}
    bundle = memory_bundle(files, image_configs=handed_over)
    base = ImageConfig({"A": "1"}, digest="sha256:b", platform="linux/amd64", source="registry")
    images = Images({ImageRequest("base:1", ""): base})

    loaded = load_project(bundle, images)

    assert images.asked == [
        ImageRequest("base:1", ""),
        ImageRequest("x:1", "linux/arm64"),
        ImageRequest("hook", "linux/arm64"),
        ImageRequest("x:1", ""),
    ]
    found = {each.name: each for each in loaded.workloads}
    assert found["a"].image_config == base
    assert found["a"].build.environment == {"B": "1-"}
    assert (found["b"].image_config, found["f"].image_config) == (None, handed_over["ci:1"])
    assert loaded.images == (InspectedImage("base:1", "linux/amd64", "sha256:b"),)
    assert [(one.kind, one.what, one.reason) for one in loaded.not_evaluated] == [
        ("image", what, "its configuration was not read: it is gone")
        for what in ("hook", "x:1", "x:1")
    ]


def test_a_project_without_images_reads_none():
    images = Images({})
    text = "services:\n  a: {build: {context: ., dockerfile_inline: 'FROM scratch'}}\n"

    loaded = load_project(files(text), images)

    assert (images.asked, loaded.images, loaded.not_evaluated) == ([], (), ())
