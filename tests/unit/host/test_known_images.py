"""Images are remembered only while no request can have changed them."""

from __future__ import annotations

import pytest

from policyd.host.call import Call
from policyd.host.engine_client import EngineClient
from policyd.host.known_images import (
    CHANGING_SECONDS,
    KNOWN_SECONDS,
    MAX_IMAGES,
    KnownImages,
    may_change_images,
)
from policyd.host.plugin import ACTIVATE, handlers
from policyd.model import ImageConfig
from tests.support.cases import cases
from tests.support.daemon_requests import creation, envelope

PULL = Call("POST", "/images/create", query={"fromImage": "app"})
TAG = Call("POST", "/images/app/tag", query={"repo": "other"})
OLD = ImageConfig(user="app")
NEW = ImageConfig(user="root")


class Daemon:
    """A daemon whose image is `config`."""

    def __init__(self) -> None:
        self.config = OLD
        self.in_swarm = False
        self.now = 1000.0
        self.asked: list[str] = []
        self.during = lambda: None
        self.images = KnownImages(self.look_up, self.is_in_swarm, lambda: self.now)

    def look_up(self, name: str) -> ImageConfig | None:
        self.asked.append(name)
        found = self.config
        self.during()
        return found if name else None

    def is_in_swarm(self) -> bool:
        self.asked.append("swarm?")
        return self.in_swarm


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


def test_an_image_is_looked_up_once(daemon):
    found = [daemon.images.config("app") for _ in range(3)]

    assert found == [OLD, OLD, OLD]
    assert daemon.asked == ["swarm?", "app"]


def test_an_image_that_does_not_exist_is_known_too(daemon):
    assert [daemon.images.config(""), daemon.images.config("")] == [None, None]
    assert daemon.asked == ["swarm?", ""]


def test_nothing_is_known_while_a_request_may_change_images_and_after_it(daemon):
    daemon.images.config("app")
    daemon.images.changing(PULL)
    assert daemon.images.config("app") == OLD
    daemon.config = NEW
    assert daemon.images.config("app") == NEW
    daemon.images.changed(PULL)

    assert [daemon.images.config("app"), daemon.images.config("app")] == [NEW, NEW]
    assert daemon.asked == ["swarm?", "app", "app", "app", "swarm?", "app"]


@pytest.mark.parametrize("is_handled", [True, False])
def test_what_is_looked_up_while_a_request_begins_is_not_remembered(daemon, is_handled):
    def change() -> None:
        daemon.during = lambda: None
        daemon.images.changing(TAG)
        daemon.config = NEW
        if is_handled:
            daemon.images.changed(TAG)

    daemon.during = change

    assert [daemon.images.config("app"), daemon.images.config("app")] == [OLD, NEW]


def test_the_end_of_another_request_does_not_end_a_change(daemon):
    daemon.images.changing(PULL)
    daemon.images.changed(TAG)  # it began before the gate
    daemon.images.config("app")
    daemon.config = NEW

    assert daemon.images.config("app") == NEW


def test_in_a_swarm_nothing_is_remembered(daemon):
    daemon.in_swarm = True

    assert [daemon.images.config("app") for _ in range(2)] == [OLD, OLD]
    assert daemon.asked == ["swarm?", "app", "app"]


def test_what_is_remembered_becomes_old(daemon):
    daemon.images.config("app")
    daemon.config = NEW
    daemon.now += KNOWN_SECONDS
    assert daemon.images.config("app") == OLD
    daemon.now += 0.1

    assert daemon.images.config("app") == NEW


def test_a_request_whose_end_is_never_reported_does_not_count_for_ever(daemon):
    daemon.images.changing(PULL)
    daemon.now += CHANGING_SECONDS + 1

    assert [daemon.images.config("app") for _ in range(2)] == [OLD, OLD]
    assert daemon.asked == ["swarm?", "app"]


def test_a_daemon_that_starts_handles_no_request(daemon):
    daemon.images.config("app")
    daemon.images.changing(PULL)
    daemon.images.restarted()
    daemon.config = NEW

    assert [daemon.images.config("app") for _ in range(2)] == [NEW, NEW]


def test_the_number_of_images_is_limited(daemon):
    for number in range(MAX_IMAGES + 1):
        daemon.images.config(f"app:{number}")
    del daemon.asked[:]
    daemon.images.config("app:0")
    daemon.images.config(f"app:{MAX_IMAGES}")

    assert daemon.asked == [f"app:{MAX_IMAGES}"]


@cases(
    ("method", "path", "expected"),
    [
        ("POST", "/images/create", True),
        ("POST", "/images/a/b/tag", True),
        ("POST", "/images/load", True),
        ("POST", "/images/prune", True),
        ("DELETE", "/images/app", True),
        ("POST", "/commit", True),
        ("POST", "/build", True),
        ("POST", "/session", True),
        ("POST", "/grpc", True),
        ("POST", "/swarm/join", True),
        ("POST", "/services/create", True),
        ("POST", "/unknown", True),
        ("POST", "/containers", True),
        ("GET", "/images/app/json", False),
        ("HEAD", "/_ping", False),
        ("POST", "/containers/create", False),
        ("POST", "/containers/x/start", False),
        ("DELETE", "/containers/x", False),
        ("POST", "/exec/x/start", False),
        ("POST", "/networks/create", False),
        ("POST", "/volumes/create", False),
        ("POST", "/auth", False),
    ],
)
def test_requests_that_change_no_image_are_named(method, path, expected):
    assert may_change_images(Call(method, path)) is expected


@cases(
    ("swarm", "expected"),
    [
        ({"LocalNodeState": "inactive"}, False),
        ({"LocalNodeState": "active"}, True),
        ({"LocalNodeState": ""}, True),
        ({}, True),
        (None, True),
    ],
)
def test_a_daemon_that_does_not_deny_it_may_be_in_a_swarm(swarm, expected, engine):
    engine.documents["/info"] = {"Swarm": swarm}

    assert EngineClient(engine.path).info().is_in_swarm is expected


def test_the_gate_looks_an_image_up_again_after_a_request_that_may_change_it(gate, engine):
    def create() -> bool:
        return gate.before(envelope("/v1.41/containers/create", creation())).allowed

    gpu = {"Config": {"Env": ["NVIDIA_VISIBLE_DEVICES=all"]}}
    tag, image = "/v1.41/images/cuda/tag?repo=busybox", "/images/local/busybox:1.0/json"
    engine.documents |= {"/info": {"Swarm": {"LocalNodeState": "inactive"}}, image: {"Config": {}}}
    create()
    create()
    assert engine.asked == ["/info", image]
    assert gate.before(envelope(tag)).allowed
    create()
    gate.after(envelope(tag))
    engine.documents[image] = gpu
    create()

    assert engine.asked.count(image) == 3


def test_a_request_that_is_denied_changes_no_image(gate, engine):
    engine.documents["/info"] = {"Swarm": {"LocalNodeState": "inactive"}}
    assert not gate.before(envelope("/v1.41/build")).allowed
    for _ in range(2):
        gate.before(envelope("/v1.41/containers/create", creation()))

    assert engine.asked == ["/info", "/images/local/busybox:1.0/json"]


def test_a_daemon_that_activates_the_plugin_has_started(gate, engine):
    engine.documents["/info"] = {"Swarm": {"LocalNodeState": "inactive"}}
    gate.before(envelope("/v1.41/images/create?fromImage=app"))
    assert handlers(gate)[ACTIVATE](b"") == b'{"Implements":["authz"]}'
    for _ in range(2):
        gate.before(envelope("/v1.41/containers/create", creation()))

    assert engine.asked == ["/info", "/images/local/busybox:1.0/json"]
