"""What the gate demands for its own sake: no container changes it, and none skips it."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from policyd.config import Settings
from policyd.host.asked import Asked
from policyd.host.engine_info import EngineInfo
from policyd.host.gate import ALLOWED
from policyd.host.own_rules import OwnRules
from policyd.host_settings import HostSettings
from tests.support.cases import cases
from tests.support.daemon_requests import creation, envelope

HOST = HostSettings(
    name="gpu-01",
    grants_cache="/var/lib/policyd/grants.json",
    receipts="/srv/receipts",
    grants_token_file="/srv/token",
)
SETTINGS = Settings(
    audit="sqlite:////srv/audit/audit.db",
    policy_set="/srv/policies/set.yaml",
    receipt_public_keys_file="/srv/keys.pem",
    host=HOST,
)
ENGINE = EngineInfo(
    "policyd",
    {"policyd": "/usr/local/sbin/policyd-runtime", "runc": "runc", "two": "/opt/policyd-runtime"},
    "/data/docker",
)
WRITABLE = "service web mounts {} writable: {}"


def found(
    keys: dict[str, Any], engine: EngineInfo = ENGINE, host: HostSettings = HOST, **volumes: Any
) -> list[str]:
    rules = OwnRules(SETTINGS, host, "/etc/policyd/policyd.toml")
    return [one.message for one in rules.violations(Asked("", "web", keys, volumes), engine)]


def bind(source: str, **fields: Any) -> dict[str, Any]:
    return {"volumes": [{"type": "bind", "source": source, "target": "/x", **fields}]}


@cases(
    ("source", "what"),
    [
        ("/etc/policyd", "the settings of policyd"),
        ("/etc/policyd/policyd.toml", "the settings of policyd"),
        ("/srv/audit/audit.db", "the audit log of policyd"),
        ("/srv/audit/audit.db-wal", "the audit log of policyd"),
        ("/srv/audit/audit.db-shm", "the audit log of policyd"),
        ("/srv/audit/audit.db-journal", "the audit log of policyd"),
        ("/srv/policies", "the policy set of policyd"),
        ("/srv/keys.pem", "the keys of receipts"),
        ("/srv/receipts/new", "the receipts of policyd"),
        ("/var/lib/policyd", "the grants of policyd"),
        ("/srv/token", "the token of policyd"),
        (sys.prefix, "the program policyd"),
        ("/usr/local/sbin", "the program policyd-runtime"),
        ("/opt/policyd-runtime", "the program policyd-runtime"),
        ("/etc/docker/plugins", "the plugins of Docker"),
        ("/data/docker/containers", "the data of Docker"),
        ("/data", "the data of Docker"),
    ],
)
def test_what_decides_is_not_mounted_writable(source, what):
    assert found(bind(source)) == [WRITABLE.format(what, source)]
    assert found(bind(source, read_only=True)) == []


def test_the_packs_and_data_of_the_policy_set_are_not_mounted_writable(tmp_path):
    spec = "spec: {packs: [gpu, mine], data: [tables/x.yaml]}\n"
    heading = f"apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {{name: a}}\n{spec}"
    (tmp_path / "set.yaml").write_text(heading)
    settings = Settings(policy_set=str(tmp_path / "set.yaml"))
    rules = OwnRules(settings, HostSettings(name="gpu-01"))

    def said(name: str) -> list[str]:
        asked = Asked("", "web", bind(str(tmp_path / name)))
        return [one.message for one in rules.violations(asked, EngineInfo())]

    for name in ("set.yaml", "mine", "mine/p/policy.rego", "tables", "tables/x.yaml"):
        assert said(name) == [WRITABLE.format("the policy set of policyd", tmp_path / name)]
    assert said("other") == []


def test_the_sockets_of_plugins_are_not_mounted_at_all():
    for source in ("/run", "/run/docker/plugins", "/run/docker/plugins/policyd.sock"):
        assert found(bind(source, read_only=True)) == [
            f"service web mounts the sockets of plugins of Docker: {source}"
        ]
    own = HostSettings(name="gpu-01", socket="/srv/gate/policyd.sock")
    assert found(bind("/srv/gate", read_only=True), host=own) != []


@cases("source", ["/srv/data", "/etc/policyd2", "/data2", "/srv/policies/set.yaml.old", "/media"])
def test_other_folders_may_be_mounted(source):
    assert found(bind(source)) == []


def test_a_volume_is_the_folder_that_its_options_bind():
    keys = {"volumes": [{"type": "volume", "source": "v", "target": "/x"}]}
    options = {"type": "none", "o": "rw, bind", "device": "/etc/policyd"}
    engine = EngineInfo()

    assert found(keys, engine, v={"driver_opts": options}) == [
        WRITABLE.format("the settings of policyd", "/etc/policyd")
    ]
    assert found(keys, engine, v={"driver_opts": {**options, "o": "ro"}}) == []
    assert found(keys, engine, v={"name": "v"}) == []


def test_a_volume_of_another_file_system_is_the_folders_that_it_shows():
    keys = {"volumes": [{"type": "volume", "source": "v", "target": "/x"}]}
    upper = "lowerdir=/srv/a,upperdir=/etc/policyd,workdir=/srv/w"
    lower = "lowerdir=/etc/policyd,upperdir=/srv/u,workdir=/srv/w"
    said = [WRITABLE.format("the settings of policyd", "/etc/policyd")]

    def options(**given: str) -> list[str]:
        return found(keys, EngineInfo(), v={"driver_opts": given})

    assert options(type="overlay", device="x", o=upper) == said
    assert options(type="overlay", device="x", o=lower) == []
    assert options(type="shiftfs", device="/etc/policyd", o="mark") == said


@cases(
    ("runtime", "engine", "runtimes", "is_denied"),
    [
        ("", ENGINE, (), False),
        ("policyd", ENGINE, (), False),
        ("two", ENGINE, (), False),
        ("runc", ENGINE, (), True),
        ("runc", ENGINE, ("kata", "runc"), False),
        ("two", ENGINE, ("kata",), True),
        ("runc", EngineInfo("nvidia", {"nvidia": "/usr/bin/nvidia-container-runtime"}), (), False),
        ("runc", EngineInfo("nvidia"), ("nvidia",), True),
        ("nvidia", EngineInfo("nvidia"), ("kata",), False),
        ("runc", EngineInfo(), (), False),
    ],
)
def test_a_runtime_that_skips_the_gate(runtime, engine, runtimes, is_denied):
    host = HostSettings(name="gpu-01", runtimes=runtimes)
    said = [f"service web runs under {runtime}, which skips policyd-runtime"]

    assert found({"runtime": runtime}, engine, host) == (said if is_denied else [])


@pytest.mark.parametrize(
    ("mode", "action"), [("enforce", "deny"), ("warn", "warn"), ("observe", "dryrun")]
)
def test_the_mode_of_the_host_says_what_violations_do(mode, action):
    rules = OwnRules(SETTINGS, HostSettings(name="gpu-01", mode=mode), "/etc/policyd/policyd.toml")
    asked = Asked("", "web", {**bind("/etc/policyd"), "runtime": "runc"})

    protection, runtime = rules.violations(asked, ENGINE)

    assert (protection.policy, protection.enforcement_action) == ("protect-gate", action)
    assert protection.path == ("services", "web", "volumes", 0)
    assert (runtime.policy, runtime.enforcement_action) == ("require-runtime", action)
    assert runtime.path == ("services", "web", "runtime")


INFO = {
    "DefaultRuntime": "policyd",
    "DockerRootDir": "/data/docker",
    "Runtimes": {"policyd": {"path": "/usr/local/sbin/policyd-runtime"}, "runc": {"path": "runc"}},
}


def test_the_gate_denies_and_does_not_keep_the_answer(gate, engine):
    uri = "/v1.41/containers/create"
    assert gate.before(envelope(uri, creation(Runtime="runc"))) == ALLOWED  # no policyd-runtime
    engine.documents["/info"] = INFO
    gate._existing._info = None  # as after 30 seconds

    said = gate.before(envelope(uri, creation(Runtime="runc"))).message
    assert said.startswith("require-runtime: service container runs under runc, which skips ")
    assert gate.before(envelope(uri, creation(Runtime="policyd"))) == ALLOWED
    said = gate.before(envelope(uri, creation(Runtime="nvidia"))).message
    assert "no-nvidia-runtime: service container runs under the NVIDIA runtime" in said
    said = gate.before(envelope(uri, creation(Binds=["/data/docker:/x"]))).message
    assert "protect-gate: service container mounts the data of Docker writable: " in said


def test_a_container_from_before_policyd_runtime_is_not_started(gate, engine):
    engine.documents |= {
        "/info": INFO,
        "/containers/c1/json": {
            "Id": "c1",
            "Image": "sha256:1",
            "Config": {"Image": "x"},
            "HostConfig": {"Runtime": "runc"},
        },
    }

    said = gate.before(envelope("/containers/c1/start")).message

    assert "which skips policyd-runtime. Fix: Remove `runtime:` or `--runtime`; recreate a" in said
