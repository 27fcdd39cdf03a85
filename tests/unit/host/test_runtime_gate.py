"""Decisions at the last moment: the container as described, with what it would really get."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from policyd.host import submounts
from policyd.host.device_numbers import DeviceNumbers
from policyd.host.engine_client import EngineClient
from policyd.host.existing import Existing
from policyd.host.own_rules import OwnRules
from policyd.host.runtime_gate import INTERNAL, RuntimeGate
from policyd.host.serve import grant_check
from policyd.host_settings import HostSettings
from policyd.logs import configure
from policyd.model import Decision, Grant, PolicySetRevision, Review, Source, Status
from policyd.services import Services
from tests.support.engine_stand_in import EngineStandIn
from tests.support.oci_configs import ID, LEGACY_HOOK, bind, device, encoded, write_state

LABELS = {"com.docker.compose.project": "train", "com.docker.compose.service": "train"}
GPU = [device("/dev/x", 195, 0)]
Ask = Callable[..., str]


@pytest.fixture
def ask(services: Services, engine: EngineStandIn, tmp_path: Path) -> Ask:
    """A function that shows a container to the gate; returns the message, "" for an allow."""
    engine.documents["/info"] = {"DefaultRuntime": "policyd"}
    engine.documents["/images/sha256:0/json"] = {"Id": "sha256:0", "Config": {}}

    def answer(
        labels: dict[str, str] | None = None,
        runtime: str = "/usr/bin/runc",
        host: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        volume: str = "",
        options: dict[str, str] | None = None,
        container: str = ID,
        described: bool = True,
        others: Sequence[dict[str, Any]] = (),
        **changes: Any,
    ) -> str:
        root = tmp_path / f"data{time.perf_counter_ns()}"
        if described:
            write_state(root, labels or {}, **(host or {}))
        for each in others:
            (root / "containers" / each["ID"]).mkdir()
            (root / "containers" / each["ID"] / "config.v2.json").write_text(json.dumps(each))
        if volume:
            changes["mounts"] = [bind(f"{root}/volumes/{volume}/_data", "/v")]
        if options:
            (root / "volumes" / volume).mkdir(parents=True)
            (root / "volumes" / volume / "opts.json").write_text(json.dumps(options))
        own = HostSettings(name="gpu-01", **(settings or {}))
        existing = Existing(EngineClient(engine.path))
        gate = RuntimeGate(
            services,
            own,
            EngineClient(engine.path),
            grant_check(services, own, existing, None),
            DeviceNumbers(Path("/none"), Path("/none")),
            OwnRules(services.settings, own),
        )
        body = f"{container}\n{runtime}\n".encode() + encoded(root=str(root), **changes)
        return message(gate.answer(body))

    return answer


def message(answer: bytes) -> str:
    if answer == b"+":
        return ""
    line = json.loads(answer.removeprefix(b"-"))
    assert (set(line), line["level"], answer[-1:]) == ({"level", "msg"}, "error", b"\n")
    return str(line["msg"])


def grant_gpu(services: Services, project: str, *devices: str) -> None:
    """Record a decision that grants GPUs to the service train of `project` on this host."""
    grant = Grant(
        "train", "nvidia", "gpus", devices, 1, ("services", "train", "gpus"), identities=devices
    )
    review = Review(f"u-{project}", "ci", services.clock(), "CREATE", source=Source(host="gpu-01"))
    decision = Decision(
        review.uid,
        True,
        Status(200, "OK", ""),
        grants=(grant,),
        policy_set=PolicySetRevision("default", "sha256:0"),
        decision_id=f"d-{project}",
        project=project,
    )
    services.audit.append_decision(review, decision)


def test_a_harmless_container_is_created_and_recorded(ask: Ask, last_event) -> None:
    assert ask(LABELS) == ""

    event = last_event()
    assert event.input.review.enforcement_point == "daemon"
    assert (event.result.allowed, event.result.project) == (True, "train")


def test_whatever_fails_refuses_the_container(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("".join(("s3", "cret")))

    monkeypatch.setattr("policyd.host.runtime_gate.read_spec", broken)
    configure("json")

    assert ask(LABELS) == INTERNAL
    logged = json.loads(capsys.readouterr().out)
    assert (logged["event"], "in broken\n" in logged["exception"]) == ("unexpected error", True)
    assert "s3cret" not in logged["exception"]


def test_a_device_by_another_path_is_refused_as_what_it_is(ask: Ask) -> None:
    host = {"Devices": [{"PathOnHost": "/tmp/link", "PathInContainer": "/dev/x"}]}

    said = ask(LABELS, host=host, devices=GPU)

    assert "no-raw-device-nodes: service train maps the device node /dev/nvidia0" in said


def test_a_device_that_nobody_asked_for_needs_a_grant(ask: Ask, services: Services) -> None:
    assert ask(LABELS, devices=GPU).startswith(
        "policyd: require-grant: service train would get accelerators by /dev/x (nvidia: 0) "
        "without a grant on host gpu-01. Fix: "
    )
    assert "it is no container of a Compose project, so it has no grant" in ask(devices=GPU)
    grant_gpu(services, "granted", "0")
    labels = {**LABELS, "com.docker.compose.project": "granted"}
    assert ask(labels, devices=GPU) == ""
    assert "(nvidia: 1), which its grants do not cover" in ask(
        labels, devices=[device("/dev/x", 195, 1)]
    )


def test_what_the_toolkit_adds_for_a_granted_gpu_passes_and_nothing_else(
    ask: Ask, services: Services
) -> None:
    grant_gpu(services, "cdi", "0")
    labels = {**LABELS, "com.docker.compose.project": "cdi"}
    request = {"Driver": "nvidia", "DeviceIDs": ["0"], "Capabilities": [["gpu"]]}
    given: dict[str, Any] = {"host": {"DeviceRequests": [request]}}
    nodes = [device("/dev/nvidia0", 195, 0), device("/dev/nvidiactl", 195, 255)]
    paths = ("/run/nvidia-persistenced/socket", "/run/nvidia/driver/usr/bin/nvidia-smi")
    added = [bind(path, path, "ro", "nosuid", "nodev") for path in paths]

    assert ask(labels, devices=nodes, mounts=added, **given) == ""
    said = ask(labels, devices=[*nodes, device("/dev/sda", 8, 0, "b")], mounts=added, **given)
    assert "no-host-disk-or-memory-devices: service train maps a disk" in said
    said = ask(labels, devices=nodes, mounts=[bind("/run/nvidia/driver", "/x", "ro")], **given)
    assert "no-host-dev-mounts: service train mounts devices of the host" in said


def test_a_host_that_observes_only_records_it(ask: Ask, last_event) -> None:
    assert ask(LABELS, settings={"mode": "observe"}, devices=GPU) == ""
    (violation,) = last_event().result.violations
    assert (violation.policy, violation.enforcement_action) == ("require-grant", "dryrun")


def test_a_variable_of_the_image_counts_where_something_reads_it(
    ask: Ask, engine: EngineStandIn
) -> None:
    variable = "NVIDIA_VISIBLE_DEVICES=all"
    engine.documents["/images/sha256:0/json"] = {"Config": {"Env": [variable]}}
    engine.documents["/images/acme/train:1/json"] = {"Config": {"Env": [variable]}}

    assert ask(LABELS, env=[variable]) == ""
    for changes in ({"hooks": LEGACY_HOOK}, {"runtime": "/usr/bin/nvidia-container-runtime"}):
        said = ask(LABELS, env=[variable], **changes)
        assert "policyd: require-grant: service train would get accelerators by " in said
        assert "(nvidia: all) without a grant on host gpu-01" in said


def test_an_image_older_than_the_variable_gets_every_gpu(ask: Ask, engine: EngineStandIn) -> None:
    """Without NVIDIA_VISIBLE_DEVICES, the toolkit takes CUDA_VERSION alone for a request of all."""
    variable = "CUDA_VERSION=8.0.61"
    engine.documents["/images/sha256:0/json"] = {"Config": {"Env": [variable]}}
    engine.documents["/images/acme/train:1/json"] = {"Config": {"Env": [variable]}}

    assert ask(LABELS, env=[variable]) == ""
    said = ask(LABELS, env=[variable], hooks=LEGACY_HOOK)
    assert "(nvidia: all) without a grant on host gpu-01" in said


def test_links_to_paths_of_the_host_are_followed(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/")

    said = ask(LABELS, mounts=[bind(str(tmp_path / "link"), "/x")])

    assert "no-host-root-mount: service train mounts the root of the host at /x" in said


@pytest.mark.parametrize(("project", "is_foreign"), [("train", False), ("other", True)])
def test_a_service_may_share_with_a_service_of_its_project(
    ask: Ask, project: str, is_foreign: bool
) -> None:
    other = "0123456789abcdef" * 4
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": "db"}
    described = {"ID": other, "Config": {"Labels": labels}}
    for host in ({"PidMode": f"container:{other}"}, {"VolumesFrom": [f"{other}:ro"]}):
        said = ask(LABELS, host=host, others=[described])
        assert ("no-foreign-container-sharing: service train" in said) is is_foreign
        assert bool(said) is is_foreign


def test_what_stays_writable_below_a_read_only_mount_is_evaluated(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mountinfo").write_text("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n")
    monkeypatch.setattr(submounts, "TABLE", str(tmp_path / "mountinfo"))

    said = ask(LABELS, mounts=[bind("/sys", "/x", "ro")])
    assert "no-host-proc-sys-mounts: service train mounts /sys/fs/cgroup of the host" in said
    assert ask(LABELS, mounts=[bind("/sys", "/x", "rro")]) == ""
    shallow = {**bind("/sys", "/x"), "options": ["bind", "ro"]}
    assert ask(LABELS, mounts=[shallow]) == ""


def test_a_volume_that_the_container_does_not_name_is_evaluated(
    ask: Ask, engine: EngineStandIn
) -> None:
    options = {"MountType": "none", "MountOpts": "bind", "MountDevice": "/dev"}

    assert ask(LABELS, volume="plain") == ""
    assert "no-host-dev-mounts: service train mounts devices of the host: /dev" in ask(
        LABELS, volume="dv", options=options
    )
    assert not any(path.startswith("/volumes") for path in engine.asked)


def test_the_options_of_a_volume_are_followed(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev")
    options = {"MountType": "none", "MountOpts": "bind", "MountDevice": f"{tmp_path}/link"}

    said = ask(LABELS, volume="dv", options=options)

    assert "no-host-dev-mounts: service train mounts devices of the host: /dev" in said


def test_a_container_without_a_description_is_evaluated_by_what_it_gets(ask: Ask) -> None:
    every = [{"allow": True, "access": "rwm"}]

    assert ask(container="0" * 64) == ""
    assert "no-privileged: service container runs privileged" in ask(
        container="0" * 64, rules=every
    )


def test_a_description_that_cannot_be_read_is_a_denial(ask: Ask) -> None:
    said = ask(described=False)

    assert f"/containers/{ID}/config.v2.json: cannot read the file: No such file" in said


def test_what_cannot_be_read_is_refused_and_recorded(ask: Ask, last_event, tmp_path: Path) -> None:
    assert ask(LABELS, mounts=[bind("relative", "/x")]).startswith(
        "policyd: config.json has a bind mount whose source is not absolute (decision "
    )
    assert not last_event().result.allowed


def test_an_engine_that_does_not_answer_is_a_denial(ask: Ask, engine: EngineStandIn) -> None:
    engine.documents["/images/sha256:0/json"] = "no JSON"

    assert "the Docker daemon did not answer with JSON" in ask(LABELS)
