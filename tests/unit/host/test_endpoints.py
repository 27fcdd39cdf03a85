from __future__ import annotations

from policyd.host.call import Call
from policyd.host.endpoints import Endpoint, endpoint
from tests.support.cases import cases


@cases(
    ("path", "expected"),
    [
        ("/containers/create", Endpoint("create")),
        ("/containers/web/start", Endpoint("start", "web")),
        ("/containers/a/b/start", Endpoint("start", "a/b")),
        ("/containers/web/restart", Endpoint("start", "web")),
        ("/containers/web/update", Endpoint("update", "web")),
        ("/containers/web/exec", Endpoint("exec", "web")),
        ("/containers/web/archive", Endpoint("files", "web")),
        ("/containers/web/copy", Endpoint("files", "web")),
        ("/containers/web/checkpoints", Endpoint("checkpoint", "web")),
        ("/containers/web/checkpoints/archive", Endpoint("checkpoint", "web")),
        ("/volumes/create", Endpoint("volume")),
        ("/services/create", Endpoint("service")),
        ("/services/x/update", Endpoint("service", "x")),
        ("/swarm/init", Endpoint("swarm")),
        ("/swarm/join", Endpoint("swarm")),
        ("/build", Endpoint("build")),
        ("/session", Endpoint("build")),
        ("/grpc", Endpoint("build")),
        ("/moby.buildkit.v1.Control/Solve", Endpoint("build")),
        ("/grpc.health.v1.Health/Check", Endpoint("build")),
        ("/plugins/pull", Endpoint("plugin")),
        ("/plugins/x/y:latest/enable", Endpoint("plugin")),
        ("/containers/web/stop", None),
        ("/containers/web/rename", None),
        ("/exec/1/start", None),
        ("/auth", None),
        ("/commit", None),
        ("/images/create", None),
        ("/build/prune", None),
    ],
)
def test_what_is_decided_and_what_passes(path, expected):
    assert endpoint(Call("POST", path)) == expected


@cases("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_passes_except_from_mounts(method):
    assert endpoint(Call(method, "/containers/create")) is None
    assert endpoint(Call(method, "/containers/web/checkpoints")) is None
    assert endpoint(Call(method, "/containers/web/archive")) == Endpoint("files", "web")


def test_other_methods_are_decided_like_post():
    assert endpoint(Call("PUT", "/containers/create")) == Endpoint("create")


def test_a_start_from_a_checkpoint_restores():
    call = Call("POST", "/containers/web/start", (1, 41), {"checkpoint": ""})
    assert endpoint(call) == Endpoint("restore", "web")
    assert endpoint(call._replace(path="/containers/web/stop")) is None


@cases(
    ("version", "kind"),
    [((1, 23), "old-start"), ((1, 3), "old-start"), ((1, 24), "start"), ((1, 100), "start")],
)
def test_old_versions_can_change_a_container_at_its_start(version, kind):
    assert endpoint(Call("POST", "/containers/web/start", version)) == Endpoint(kind, "web")
