"""The reader of images against test servers; a real registry is in integration."""

from __future__ import annotations

import base64
import threading

import pytest

from policyd.config import ImageRegistry
from policyd.model import ImageConfig
from policyd.registry import image_reader as module
from policyd.registry.image_reader import RegistryImages
from policyd.registry.transport import Remote
from policyd.workloads.image_configs import ImageRequest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = {"os": "linux", "architecture": "amd64", "config": {"Env": ["A=1"], "User": "app"}}
ARM = {"os": "linux", "architecture": "arm64", "variant": "v8", "config": {"Env": ["A=arm"]}}
BASIC = "Basic " + base64.b64encode(b"ci:pa55").decode()
LATE = "it took more than 0.5 s"


@pytest.fixture
def images(registry):
    """A function that returns a reader of the registry, which is named hub.example."""

    def make(seconds: float = 60, password: str = "", **changes) -> RegistryImages:
        found = ImageRegistry(
            host="hub.example", url=f"http://{registry.host}", insecure=True, **changes
        )
        remote = Remote(found, password, found.redirect_hosts)
        return RegistryImages({"hub.example": remote}, seconds)

    return make


def read(images: RegistryImages, reference: str, platform: str = "") -> ImageConfig | str:
    """Return the configuration of an image, or why it could not be read."""
    request = ImageRequest(reference, platform)
    found = images.read([request])
    assert {*found.configs, *found.problems} == {request}
    return found.configs.get(request) or found.problems[request]


def test_a_tag_is_resolved_to_its_digest_and_read_by_it(registry, images):
    digest = registry.push_image("a/b", CONFIG, "1")
    blob = next(path for path in registry.answers if "/blobs/" in path)

    found = read(images(), "hub.example/a/b:1")

    assert found == ImageConfig(
        {"A": "1"}, "app", source="registry", digest=digest, platform="linux/amd64"
    )
    assert [path for path, _ in registry.seen] == [
        "HEAD /v2/a/b/manifests/1",
        f"/v2/a/b/manifests/{digest}",
        blob,
    ]
    assert registry.encodings == ["identity"] * 3


def test_a_registry_that_states_no_digest_is_asked_for_the_manifest_by_its_tag(registry, images):
    digest = registry.push_image("a/b", CONFIG, "latest")
    _, _, content = registry.answers["/v2/a/b/manifests/latest"]
    registry.answers["/v2/a/b/manifests/latest"] = (200, {}, content)

    found = read(images(), "hub.example/a/b")

    assert isinstance(found, ImageConfig)
    assert found.digest == digest
    assert [path for path, _ in registry.seen][:2] == [
        "HEAD /v2/a/b/manifests/latest",
        "/v2/a/b/manifests/latest",
    ]


def test_an_image_by_digest_is_read_once_and_then_comes_from_the_cache(registry, images):
    digest = registry.push_image("a/b", CONFIG)
    reader = images()

    first = read(reader, f"hub.example/a/b:ignored@{digest}")
    asked = len(registry.seen)

    assert isinstance(first, ImageConfig)
    assert read(reader, f"hub.example/a/b@{digest}") == first
    assert (asked, len(registry.seen)) == (2, 2)


def test_a_tag_is_resolved_again_and_only_an_image_that_changed_is_read(registry, images):
    registry.push_image("a/b", CONFIG, "1")
    reader = images()
    read(reader, "hub.example/a/b:1")
    registry.seen.clear()

    read(reader, "hub.example/a/b:1")
    assert [path for path, _ in registry.seen] == ["HEAD /v2/a/b/manifests/1"]

    moved = registry.push_image("a/b", {**CONFIG, "config": {"User": "new"}}, "1")
    found = read(reader, "hub.example/a/b:1")
    assert isinstance(found, ImageConfig)
    assert (found.user, found.digest) == ("new", moved)


def test_an_index_gives_the_image_of_the_platform_and_its_own_digest(registry, images):
    entries = [
        {
            "mediaType": MANIFEST,
            "digest": registry.push_image("a/b", config),
            "size": 1,
            "platform": {"os": "linux", "architecture": config["architecture"]},
        }
        for config in (ARM, CONFIG)
    ]
    digest = registry.push_index("a/b", entries, "1")
    reader = images()

    assert read(reader, "hub.example/a/b:1") == ImageConfig(
        {"A": "1"}, "app", source="registry", digest=digest, platform="linux/amd64"
    )
    assert read(reader, "hub.example/a/b:1", "linux/arm64/v8") == ImageConfig(
        {"A": "arm"}, source="registry", digest=digest, platform="linux/arm64"
    )
    assert read(reader, "hub.example/a/b:1", "linux/s390x") == (
        "the image is not available for linux/s390x; it has linux/amd64, linux/arm64"
    )


def test_an_index_in_an_index_is_not_read(registry, images):
    inner = registry.push_index("a/b", [])
    registry.push_index("a/b", [{"mediaType": MANIFEST, "digest": inner, "size": 1}], "1")

    assert read(images(), "hub.example/a/b:1") == "the index leads to another index"


def test_the_only_image_is_read_without_a_platform_but_not_for_another_one(registry, images):
    registry.push_image("a/b", ARM, "1")
    reader = images()

    found = read(reader, "hub.example/a/b:1")
    assert isinstance(found, ImageConfig)
    assert found.platform == "linux/arm64"
    assert read(reader, "hub.example/a/b:1", "linux/arm64") == found
    assert read(reader, "hub.example/a/b:1", "linux/amd64") == (
        "the image is for linux/arm64, not for linux/amd64"
    )


@pytest.mark.parametrize(
    ("reference", "platform", "reason"),
    [
        ("other.example/a", "", "the registry other.example is not in image_registries"),
        ("a", "", "the registry docker.io is not in image_registries"),
        ("169.254.169.254/a", "", "the registry 169.254.169.254 is not in image_registries"),
        ("localhost:22/a", "", "the registry localhost:22 is not in image_registries"),
        ("hub.example:80/a", "", "the registry hub.example:80 is not in image_registries"),
        ("hub.example@evil.example/a", "", "it is not a valid image reference"),
        ("hub.example/../a", "", "it is not a valid image reference"),
        ("hub.example/a", "linux/", "the platform is not valid"),
    ],
)
def test_what_the_settings_do_not_name_is_never_asked(
    registry, images, reference, platform, reason
):
    assert read(images(), reference, platform) == reason
    assert registry.seen == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "the registry hub.example does not have it"),
        (403, "the registry hub.example does not allow a request without a login to read it"),
        (429, "the registry hub.example limits the number of requests"),
        (500, "the registry hub.example answered 500"),
    ],
)
def test_a_status_is_a_reason(registry, images, status, reason):
    registry.answers["/v2/a/manifests/1"] = (status, {}, b"s3cret")

    assert read(images(), "hub.example/a:1") == reason


def test_what_a_registry_sends_for_another_digest_is_refused(registry, images):
    registry.push_image("a", CONFIG, "1")
    for path, (status, headers, content) in list(registry.answers.items()):
        if "/blobs/" in path:
            registry.answers[path] = (status, headers, content.replace(b"A=1", b"A=2"))

    assert read(images(), "hub.example/a:1") == "the configuration does not match its digest"


def test_a_login_is_used_and_a_wrong_one_is_a_reason_without_it(registry, images):
    registry.push_image("a", CONFIG, "1")
    registry.login, registry.challenge = BASIC, 'Basic realm="test"'
    login = {"username": "ci", "password_file": "x"}

    assert isinstance(read(images(password="pa55", **login), "hub.example/a:1"), ImageConfig)
    assert read(images(password="wr0ng", **login), "hub.example/a:1") == (
        "the registry hub.example does not allow its configured user to read it"
    )
    assert read(images(), "hub.example/a:1") == (
        f"http://{registry.host} requires a login for a: set username and password_file"
    )


def test_content_may_lie_at_a_configured_host_which_gets_no_credentials(
    registry, images, start_registry
):
    storage = start_registry()
    registry.push_image("a", CONFIG, "1")
    path = next(path for path in registry.answers if "/blobs/" in path)
    storage.answers["/blob"] = registry.answers[path]
    registry.answers[path] = (307, {"Location": f"http://{storage.host}/blob"}, b"")
    registry.login, registry.challenge = BASIC, 'Basic realm="test"'
    login = {"username": "ci", "password_file": "x"}

    refused = read(images(password="pa55", **login), "hub.example/a:1")
    allowed = images(password="pa55", redirect_hosts=(storage.host,), **login)

    assert refused == (
        f"{registry.host} redirects to {storage.host}; only the configured host is allowed"
    )
    assert isinstance(read(allowed, "hub.example/a:1"), ImageConfig)
    assert storage.seen == [("/blob", "")]


def test_images_are_limited_in_number(registry, images, monkeypatch):
    monkeypatch.setattr(module, "MAX_IMAGES", 2)
    for name in "abc":
        registry.push_image(name, CONFIG, "1")
    wanted = [ImageRequest(f"hub.example/{name}:1", "") for name in "abc"]

    found = images().read(wanted)

    assert set(found.configs) == set(wanted[:2])
    assert found.problems == {wanted[2]: "only 2 images of a project are read"}


@pytest.mark.thorough
def test_many_images_are_read_with_few_threads(registry, images):
    wanted = [ImageRequest(f"hub.example/a{number}:1", "") for number in range(30)]
    for number in range(30):
        registry.push_image(f"a{number}", {**CONFIG, "config": {"User": str(number)}}, "1")

    found = images().read(wanted)

    assert [found.configs[one].user for one in wanted] == [str(number) for number in range(30)]


def test_an_error_that_nobody_expects_ends_the_review(registry, images, monkeypatch):
    registry.push_image("a", CONFIG, "1")

    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "_config", fail)

    with pytest.raises(ZeroDivisionError):
        read(images(), "hub.example/a:1")


def remote(host: str) -> Remote:
    return Remote(ImageRegistry(host=host, url=f"http://{host}", insecure=True))


SLOW_HEADER = b"HTTP/1.1 200 OK\r\nX-Slow: "
SLOW_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n"


@pytest.mark.parametrize("start", [SLOW_HEADER, SLOW_BODY])
def test_a_registry_that_sends_slowly_holds_up_no_review(stalling, start):
    slow = stalling(start)
    reader = RegistryImages({slow: remote(slow)}, 0.5)

    assert read(reader, f"{slow}/a@sha256:{'a' * 64}") == LATE
    # The server still sends, but the connection was ended.
    for thread in threading.enumerate():
        if thread.name == "policyd-images":
            thread.join()


def test_a_registry_that_does_not_answer_holds_up_no_other_registry(registry, stalling):
    registry.push_image("a", CONFIG, "1")
    silent = stalling(b"")
    reader = RegistryImages({silent: remote(silent), registry.host: remote(registry.host)}, 4)
    wanted = [ImageRequest(f"{silent}/a{number}:1", "") for number in range(6)]
    quick = ImageRequest(f"{registry.host}/a:1", "")

    found = reader.read([*wanted, quick])

    assert list(found.configs) == [quick]
    assert found.problems == dict.fromkeys(wanted, "it took more than 4 s")


def test_threads_that_a_registry_holds_up_are_limited(registry, images, monkeypatch):
    monkeypatch.setattr(module, "MAX_REQUESTS", 1)
    registry.push_image("a", CONFIG, "1")
    reader = images(seconds=0.5)

    with reader._busy["hub.example"]:
        assert read(reader, "hub.example/a:1") == LATE
    assert registry.seen == []
    assert isinstance(read(reader, "hub.example/a:1"), ImageConfig)
