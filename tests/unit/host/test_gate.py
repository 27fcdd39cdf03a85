"""The verdicts of the gate, each bypass of the protocol, and what is recorded."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import msgspec
import pytest

from policyd.decision_cache import DecisionCache, Kept
from policyd.host.asked import digest_of
from policyd.host.engine_client import EngineClient
from policyd.host.existing import Existing
from policyd.host.gate import ALLOWED, INTERNAL, NO_BODY, Gate
from policyd.host.own_rules import OwnRules
from policyd.host.serve import grant_check
from policyd.host_settings import HostSettings
from policyd.logs import configure
from tests.support.daemon_requests import body, creation, envelope, recorded

CREATE = "/v1.41/containers/create"
PRIVILEGED = creation(Privileged=True)
IMAGE = {"Config": {"Env": ["PATH=/bin", "NVIDIA_VISIBLE_DEVICES=all"], "Labels": None}}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("uri", "content"),
    [
        ("/containers/create", PRIVILEGED),
        ("/v1.12/containers/create", PRIVILEGED),
        ("/v1.41/containers/%63reate", PRIVILEGED),
        ("/v1.41/containers%2fcreate", PRIVILEGED),
        ("//v1.41//containers/create", PRIVILEGED),
        ("http://docker/v1.41/containers/create", PRIVILEGED),
        (CREATE, {"Image": "x", "hostconfig": {"privileged": True}}),
        (CREATE, {"Image": "x", "Ho\u017ftConfig": {"Privileged": True}}),
        (CREATE, {"Image": "x", "Privileged": True}),
        (CREATE, {"Image": "x", "HostConfig": None, "Privileged": True}),
        (CREATE, {"Image": "x", "HostCon\ufb01g": {"Init": True}, "Privileged": True}),
        (CREATE, body("raw-lowercase-keys")),
    ],
)
def test_no_spelling_of_a_request_hides_a_privileged_container(gate, uri, content):
    answer = gate.before(envelope(uri, content))

    assert not answer.allowed
    assert "no-privileged: service container runs privileged" in answer.message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, NO_BODY),
        (b"", NO_BODY),
        (body("raw-duplicate-keys"), "'HostConfig': duplicate key in the body of the request"),
        (body("raw-duplicate-keys-case"), "hostconfig: duplicate key, apart from its case"),
        (json.dumps(PRIVILEGED).encode() + b"{}", "the body of the request is not valid JSON"),
        (b"{", "the body of the request is not valid JSON"),
        ({"Image": "x", "HostConfig": []}, "HostConfig: expected an object"),
        (creation(Devices={}), "HostConfig.Devices: expected a list of objects"),
        (creation(Privileged="true"), "HostConfig.Privileged: expected true or false"),
        (
            creation(Devices=[{"PathOnHost": "../../tmp/link", "PathInContainer": "/dev/x"}]),
            "HostConfig.Devices[0].PathOnHost: expected an absolute path",
        ),
    ],
)
def test_a_create_request_that_cannot_be_read_is_denied(gate, content, expected, last_event):
    answer = gate.before(envelope(CREATE, content))

    event = last_event()
    assert (answer.allowed, event.result.allowed) == (False, False)
    assert answer.message.startswith(expected)
    assert answer.message.endswith(f"(decision {event.decision_id})")


def test_the_body_that_an_old_daemon_leaves_out_denies(gate):
    sent = json.dumps(recorded()["envelopes"]["oversize-body-dropped-2010.envelope"]).encode()

    assert gate.before(sent).message.startswith(NO_BODY)


@pytest.mark.parametrize(("name", "method"), [("", "POST"), ("/policyd?dir=/etc", "DELETE")])
def test_checkpoints_are_not_made_or_removed(gate, name, method):
    answer = gate.before(envelope(f"/v1.41/containers/x/checkpoints{name}", {}, method))

    assert answer.message.startswith("checkpoints cannot be made or removed here: the request may")


def test_a_start_from_a_checkpoint_is_denied(gate):
    answer = gate.before(envelope("/v1.41/containers/x/start?checkpoint=c&checkpoint-dir=/tmp"))

    assert answer.message.startswith("a container cannot be started from a checkpoint here: the")


@pytest.mark.parametrize("uri", ["/v1.41/containers/x/exec", "/volumes/create", "/services/create"])
def test_other_requests_without_their_body_are_denied(gate, uri):
    assert gate.before(envelope(uri)).message.startswith(NO_BODY)


@pytest.mark.parametrize(
    ("uri", "content", "policy"),
    [
        ("/containers/x/exec", {"Privileged": True, "Cmd": ["sh"]}, "no-privileged-hooks"),
        ("/containers/x/exec", {"PRIVILEGED": True}, "no-privileged-hooks"),
        ("/volumes/create", body("volume-create-bind-dev"), "no-host-dev-mounts"),
        ("/services/create", body("swarm-service-create"), "no-host-dev-mounts"),
        ("/services/s/update", body("swarm-service-create"), "no-host-dev-mounts"),
        (
            "/containers/x/update",
            {"Devices": [{"PathOnHost": "/dev/nvidia0", "PathInContainer": "/dev/x"}]},
            "no-raw-device-nodes",
        ),
        ("/containers/x/update", {"DeviceCgroupRules": ["a *:* rwm"]}, "no-device-cgroup-rules"),
    ],
)
def test_requests_beside_create_are_evaluated(gate_with, uri, content, policy):
    answer = gate_with(builds="allow").before(envelope(uri, content))

    assert (answer.allowed, policy in answer.message) == (False, True)


@pytest.mark.parametrize(
    ("uri", "content", "method"),
    [
        (CREATE, creation(), "POST"),
        (CREATE, body("compose-plain"), "POST"),
        ("/containers/x/exec", body("exec-create-privileged"), "POST"),
        ("/containers/x/update", body("container-update"), "POST"),
        ("/volumes/create", {"Name": "v"}, "POST"),
        ("/volumes/create", {"Name": "v", "DriverOpts": {"type": "tmpfs"}}, "POST"),
        ("/containers/x/stop", None, "POST"),
        ("/auth", {"password": "s3cret"}, "POST"),
        ("/_ping", None, "HEAD"),
        ("/containers/json", None, "GET"),
        ("/build?t=x", None, "POST"),
        ("/swarm/init", {}, "POST"),
        ("/plugins/x/enable", None, "POST"),
    ],
)
def test_harmless_requests_pass(gate_with, uri, content, method):
    gate = gate_with(builds="allow", plugins="allow", swarm="allow")

    assert gate.before(envelope(uri, content, method)) == ALLOWED


@pytest.mark.parametrize(
    ("uri", "method", "setting"),
    [
        ("/build", "POST", "builds"),
        ("/session", "POST", "builds"),
        ("/swarm/init", "POST", "swarm"),
        ("/swarm/join", "POST", "swarm"),
        ("/plugins/pull", "POST", "plugins"),
        ("/plugins/x", "DELETE", "plugins"),
    ],
)
def test_what_a_setting_forbids_is_denied_and_recorded(gate, uri, method, setting, last_event):
    answer = gate.before(envelope(uri, None, method))

    assert f'here: {setting} is "deny" in the settings of policyd (decision ' in answer.message
    assert last_event().result.status.code == 403


def test_a_start_in_an_old_version_is_denied(gate):
    sent = envelope("/v1.23/containers/x/start", body("raw-start-with-hostconfig-api123"))

    assert gate.before(sent).message.startswith("a request to start a container in a version")


def test_a_decision_is_recorded_for_the_host_and_the_user(gate, last_event):
    gate.before(envelope(CREATE, body("compose-deploy-devices-ids"), User="alice"))

    event = last_event()
    review = event.input.review
    assert (review.enforcement_point, review.operation) == ("daemon", "CREATE")
    assert (review.source.host, review.source.environment) == ("gpu-01", "prod")
    assert (review.user_info.username, event.input.project.name) == ("alice", "project")
    assert [grant.devices for grant in event.result.grants] == [("0", "3")]
    assert event.granted == ()


def test_neither_the_log_nor_the_record_has_values_of_variables(gate, last_event, capsys):
    secret = "hunter2-of-the-database"
    sent = {**PRIVILEGED, "Env": [f"PASSWORD={secret}"], "Cmd": ["sh", "-c", secret]}
    gate.before(envelope(CREATE, sent))
    for uri in ("/v1.41/auth", "/v1.41/swarm/init", "/v1.41/swarm/join"):
        gate.before(envelope(uri, {"password": secret, "JoinToken": secret}))
        answer = base64.b64encode(secret.encode()).decode()  # a daemon sends the join tokens
        gate.after(envelope(uri, {"password": secret}, ResponseStatusCode=200, ResponseBody=answer))

    assert secret not in json.dumps(str(last_event()))
    assert secret not in "".join(capsys.readouterr())


def test_whatever_fails_denies(gate, services, monkeypatch, capsys):
    def broken(*_: object) -> None:
        raise KeyError("".join(("s3", "cret")))

    monkeypatch.setattr("policyd.host.gate.endpoint", broken)
    configure("json")

    assert gate.before(envelope(CREATE, PRIVILEGED)) == (False, INTERNAL)
    logged = json.loads(capsys.readouterr().out)
    assert logged["event"] == "unexpected error"
    assert "in broken\n" in logged["exception"]
    assert logged["exception"].endswith("\nKeyError")
    assert "s3cret" not in logged["exception"]


# --- what the daemon has already


def test_the_options_of_a_volume_that_exists_count(gate, engine):
    engine.documents["/volumes/old"] = {
        "Driver": "local",
        "Options": {"type": "none", "o": "bind", "device": "/dev"},
    }

    answer = gate.before(envelope(CREATE, creation(Binds=["old:/x"])))

    assert (
        "no-host-dev-mounts: service container mounts devices of the host: /dev" in answer.message
    )


def test_the_options_of_a_volume_of_a_service_count(gate, engine):
    options = {"type": "none", "o": "bind", "device": "/dev"}
    engine.documents["/volumes/old"] = {"Driver": "local", "Options": options}
    mounts = [{"Type": "volume", "Source": "old", "Target": "/x"}]
    sent = {"Name": "s", "TaskTemplate": {"ContainerSpec": {"Image": "x", "Mounts": mounts}}}

    assert (
        "no-host-dev-mounts: service s" in gate.before(envelope("/services/create", sent)).message
    )


def test_the_variables_of_the_image_count(gate, engine):
    engine.documents["/info"] = {"DefaultRuntime": "runc"}
    engine.documents["/images/local/busybox:1.0/json"] = IMAGE

    answer = gate.before(envelope(CREATE, creation(Runtime="nvidia")))

    assert "no-all-gpus" in answer.message


def test_an_image_older_than_the_variable_gets_every_gpu_of_the_default_runtime(gate, engine):
    engine.documents["/info"] = {"DefaultRuntime": "nvidia"}
    old = {"Config": {"Env": ["CUDA_VERSION=8.0.61"]}}
    engine.documents["/images/local/busybox:1.0/json"] = old

    answer = gate.before(envelope(CREATE, creation()))

    assert "require-grant: service container asks for accelerators (nvidia, image: all)" in (
        answer.message
    )


def existing(host: dict, env: list[str] | None = None) -> dict:
    return {
        "Id": "c1",
        "Name": "/web",
        "Image": "sha256:1",
        "Config": {"Image": "local/busybox:1.0", "Env": env or IMAGE["Config"]["Env"]},
        "HostConfig": {"Runtime": "runc", "CgroupnsMode": "host", "MaskedPaths": [
            "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
            "/proc/timer_list", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
        ], **host},
    }  # fmt: skip


@pytest.fixture
def running(engine):
    engine.documents |= {"/info": {"DefaultRuntime": "runc"}, "/images/sha256:1/json": IMAGE}
    return engine


@pytest.mark.parametrize("action", ["start", "restart"])
def test_a_container_from_before_the_gate_is_evaluated_when_it_starts(gate, running, action):
    running.documents["/containers/web/json"] = existing({"Privileged": True})

    answer = gate.before(envelope(f"/v1.41/containers/web/{action}"))

    assert "no-privileged: service web runs privileged" in answer.message


@pytest.mark.parametrize(
    ("uri", "method"),
    [
        ("/v1.41/containers/web/archive?path=/host", "PUT"),
        ("/v1.41/containers/web/archive?path=/host/etc/shadow", "GET"),
        ("/v1.20/containers/web/copy", "POST"),
    ],
)
def test_the_mounts_of_a_container_that_may_not_start_cannot_be_used(gate, running, uri, method):
    running.documents["/containers/web/json"] = existing({"Binds": ["/:/host"]})
    denied = gate.before(envelope(uri, None, method))
    running.documents["/containers/web/json"] = existing({"Binds": ["/srv/data:/data"]})

    assert "no-host-root-mount: service web mounts the root" in denied.message
    assert gate.before(envelope(uri, None, method)) == ALLOWED
    assert gate.before(envelope("/containers/none/archive", None, method)) == ALLOWED


def restarting(policy: str) -> bytes:
    return envelope("/v1.41/containers/web/update", {"RestartPolicy": {"Name": policy}})


@pytest.mark.parametrize("policy", ["always", "unless-stopped", "on-failure"])
def test_a_restart_policy_is_evaluated_as_a_start(gate, running, policy):
    running.documents["/containers/web/json"] = existing({"Privileged": True})

    assert "no-privileged: service web runs priv" in gate.before(restarting(policy)).message
    assert gate.before(restarting("no")) == ALLOWED
    running.documents["/containers/web/json"] = existing({})
    assert gate.before(restarting(policy)) == ALLOWED


def test_a_restart_policy_does_not_hide_the_devices_of_the_same_change(gate, running):
    running.documents["/containers/web/json"] = existing({})
    rules = {"RestartPolicy": {"Name": "always"}, "DeviceCgroupRules": ["a *:* rwm"]}

    answer = gate.before(envelope("/v1.41/containers/web/update", rules))

    assert "no-device-cgroup-rules: service web" in answer.message


def test_files_need_no_grant_and_a_restart_policy_does(gate, running):
    host = json.loads(body("compose-deploy-devices-ids"))["HostConfig"]
    running.documents["/containers/web/json"] = existing(host)

    assert "require-grant" in gate.before(restarting("always")).message
    assert gate.before(envelope("/containers/web/archive?path=/out", None, "GET")) == ALLOWED


def test_what_daemon_and_image_fill_in_is_not_held_against_a_container(gate, running):
    running.documents["/containers/web/json"] = existing({})

    assert gate.before(envelope("/v1.41/containers/web/start")) == ALLOWED


def test_labels_that_the_daemon_disables_are_not_held_against_a_container(engine, running):
    existing_containers = Existing(EngineClient(engine.path))

    def options(**host: object) -> object:
        host["SecurityOpt"] = ["label=disable", "seccomp=unconfined"]
        running.documents["/containers/web/json"] = existing(host)
        asked, _, _ = existing_containers.container("web")
        return asked.keys["security_opt"]

    assert options() == ["label=disable", "seccomp=unconfined"]
    for host in ({"Privileged": True}, {"PidMode": "host"}, {"IpcMode": "host"}):
        assert options(**host) == ["seccomp=unconfined"]


def test_a_variable_beside_those_of_the_image_is_evaluated_at_the_start(gate, running):
    running.documents["/containers/web/json"] = existing({}, ["NVIDIA_VISIBLE_DEVICES=0,1"])

    assert "no-gpu-via-environment" in gate.before(envelope("/containers/web/start")).message


def test_the_start_of_a_container_that_does_not_exist_passes(gate, running):
    assert gate.before(envelope("/containers/none/start")) == ALLOWED


def test_a_start_is_denied_while_the_daemon_cannot_be_asked(gate, engine, last_event):
    engine.close()
    Path(engine.path).unlink()

    answer = gate.before(envelope("/containers/web/start"))

    assert answer.message.startswith("the Docker daemon cannot be asked at ")
    assert last_event().result.status.code == 503


DB = {
    "Id": "c9",
    "Config": {
        "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "db"}
    },
}


def joining(project: str) -> dict:
    host = {"PidMode": "container:c9", "IpcMode": "container:c9", "VolumesFrom": ["c9:ro"]}
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": "web"}
    return {**creation(**host), "Labels": labels}


def test_a_service_may_share_with_a_service_of_its_project(gate, engine):
    engine.documents["/containers/c9/json"] = DB

    assert gate.before(envelope(CREATE, joining("shop"))) == ALLOWED


@pytest.mark.parametrize(
    ("mount", "policy"),
    [
        ({"Type": "bind", "Source": "/", "RW": True}, "no-host-root-mount"),
        ({"Type": "bind", "Source": "LINK", "RW": True}, "no-host-dev-mounts"),
        ({"Type": "volume", "Name": "old", "Source": "/x", "RW": True}, "no-host-dev-mounts"),
        ({"Type": "bind", "Source": "/etc/docker", "RW": True}, "no-runtime-config-mounts"),
        ({"Type": "bind", "Source": "/etc/docker", "RW": False}, ""),
        ({"Type": "bind", "Source": "/srv", "RW": True}, ""),
    ],
)
def test_the_mounts_of_another_container_count(gate, engine, tmp_path, mount, policy):
    (tmp_path / "link").symlink_to("/dev")
    if mount["Source"] == "LINK":
        mount = {**mount, "Source": str(tmp_path / "link")}
    engine.documents["/containers/c9/json"] = {**DB, "Mounts": [{**mount, "Destination": "/d"}]}
    options = {"type": "none", "o": "bind", "device": "/dev"}
    engine.documents["/volumes/old"] = {"Driver": "local", "Options": options}

    def create(mode: str) -> str:
        sent = {**joining("shop"), "HostConfig": {"VolumesFrom": [f"c9{mode}"]}}
        return gate.before(envelope(CREATE, sent)).message

    assert (f"{policy}: service web mounts" in create("")) is bool(policy)
    assert bool(create("")) is bool(policy)
    assert bool(create(":ro")) is (policy in ("no-host-root-mount", "no-host-dev-mounts"))


@pytest.mark.parametrize("project", ["", "other"])
def test_a_container_of_another_project_may_not_be_shared(gate, engine, project):
    engine.documents["/containers/c9/json"] = DB

    answer = gate.before(envelope(CREATE, joining(project)))

    assert answer.message.startswith("3 violations:\n- no-foreign-container-sharing: service")


class CountingCache(DecisionCache):
    """Kept decisions, with the number of those that answered again."""

    count = 0

    def find(self, key: bytes, now: int) -> Kept | None:
        found = super().find(key, now)
        self.count += found is not None
        return found


@pytest.fixture
def keeping(services, engine):
    """A function that creates a container of a gate that keeps decisions, and its cache."""
    cache = CountingCache(10)
    host = HostSettings(name="gpu-01")
    existing = Existing(EngineClient(engine.path))
    kept = msgspec.structs.replace(services, cache=cache)
    own = OwnRules(kept.settings, host)
    gate = Gate(kept, host, existing, grant_check(kept, host, existing, None), own)
    return lambda content, uri=CREATE: gate.before(envelope(uri, content)), cache


def test_a_request_that_is_repeated_has_a_decision_of_its_own(keeping, last_event):
    create, cache = keeping
    answers, events = [], []
    for _ in range(2):
        answers.append(create(creation(PidMode="host")))
        events.append(last_event())

    first, second = (event.result for event in events)
    assert [answer.allowed for answer in answers] == [False, False]
    assert answers[1].message == answers[0].message.replace(first.decision_id, second.decision_id)
    assert first.decision_id != second.decision_id
    assert msgspec.structs.replace(second, uid=first.uid, decision_id=first.decision_id) == first
    assert cache.count == 1


def test_a_container_that_only_has_another_number_is_the_same_question(keeping, last_event):
    create, cache = keeping
    digests = []
    for number in "12":
        labels = {
            "com.docker.compose.project": "train",
            "com.docker.compose.service": "web",
            "com.docker.compose.container-number": number,
        }
        content = json.dumps({**creation(PidMode="host"), "Labels": labels}).encode()
        assert not create(content, f"{CREATE}?name=train-web-{number}").allowed
        digests.append((last_event().result.bundle_digest, digest_of(content)))

    assert [recorded for recorded, _ in digests] == [own for _, own in digests]
    assert digests[0] != digests[1]
    assert cache.count == 1


def test_a_kept_decision_answers_only_the_same_question(keeping, engine, tmp_path):
    create, cache = keeping
    link = tmp_path / "link"
    link.symlink_to("/srv")
    content = creation(Binds=[f"{link}:/data"])
    assert create(content).allowed
    assert create({**content, "Hostname": "other"}).allowed
    assert create(content, f"{CREATE}?name=other").allowed
    engine.documents["/images/local/busybox:1.0/json"] = {"Config": {"User": "1000"}}
    assert create(content).allowed
    link.unlink()
    link.symlink_to("/etc")
    assert "/etc" in create(content).message

    assert cache.count == 0


def test_a_decision_about_accelerators_is_not_kept(keeping):
    create, cache = keeping
    for _ in range(2):
        assert "require-grant" in create(body("compose-deploy-devices-ids")).message

    assert cache.count == 0
