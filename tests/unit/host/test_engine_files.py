"""What a daemon knows, read from its files while it cannot be asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policyd.errors import RequestError
from policyd.host.engine_client import EngineClient, EngineUnavailable
from policyd.host.engine_files import EngineFiles

ID = "a" * 64


@pytest.fixture
def files(tmp_path: Path) -> EngineFiles:
    """The files of a daemon that does not answer."""
    content = {
        f"image/overlay2/imagedb/content/sha256/{ID}": {"config": {"Env": ["A=1"], "User": "app"}},
        "volumes/dv/opts.json": {"MountType": "none", "MountOpts": "bind", "MountDevice": "/dev"},
        f"containers/{ID}/config.v2.json": {"Config": {"Labels": {"a": "b"}}},
    }
    for name, document in content.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(json.dumps(document))
    (tmp_path / "volumes" / "bad").mkdir()
    (tmp_path / "volumes" / "bad" / "opts.json").write_text("{")
    return EngineFiles(str(tmp_path), "overlay2", EngineClient(str(tmp_path / "none.sock")))


def test_images_volumes_and_containers_are_read(files: EngineFiles) -> None:
    image, volume, container = files.image(f"sha256:{ID}"), files.volume("dv"), files.container(ID)

    assert image is not None
    assert image.object("Config").texts("Env") == ["A=1"]
    assert volume is not None
    assert volume.pairs("Options") == {"type": "none", "o": "bind", "device": "/dev"}
    assert container is not None
    assert container.object("Config").pairs("Labels") == {"a": "b"}


def test_images_of_containerd_are_read_from_its_store(tmp_path: Path) -> None:
    manifest, config = "c" * 64, "d" * 64
    blobs = tmp_path / "containerd/daemon/io.containerd.content.v1.content/blobs/sha256"
    blobs.mkdir(parents=True)
    (blobs / manifest).write_text(json.dumps({"config": {"digest": f"sha256:{config}"}}))
    (blobs / config).write_text(json.dumps({"config": {"Env": ["A=1"]}}))
    engine = EngineClient(str(tmp_path / "none.sock"))

    found = EngineFiles(str(tmp_path), "native", engine, f"sha256:{manifest}")
    image = found.image(f"sha256:{ID}")

    assert image is not None
    assert image.object("Config").texts("Env") == ["A=1"]
    for digest in (f"sha256:{'e' * 64}", "../c", ""):
        with pytest.raises(EngineUnavailable):
            EngineFiles(str(tmp_path), "native", engine, digest).image(f"sha256:{ID}")


def test_what_has_no_file_is_not_known(files: EngineFiles) -> None:
    assert files.volume("plain") is None
    assert files.volume("../volumes/dv") is None
    assert files.container("name") is None
    assert files.container("b" * 64) is None
    assert (files.info().default_runtime, files.running({})) == ("", [])


@pytest.mark.parametrize("name", [f"sha256:{'b' * 64}", "acme/train:1"])
def test_the_daemon_is_asked_for_other_images(files: EngineFiles, name: str) -> None:
    with pytest.raises(EngineUnavailable):
        files.image(name)


def test_a_file_that_cannot_be_read_is_an_error(files: EngineFiles) -> None:
    with pytest.raises(RequestError):
        files.volume("bad")
