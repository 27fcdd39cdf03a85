from __future__ import annotations

import json

import pytest

from policyd.errors import Forbidden
from policyd.host.folded_json import Fields, read_object
from policyd.host.other_requests import (
    read_build,
    read_exec,
    read_service,
    read_update,
    read_volume,
)
from tests.support.daemon_requests import body


def test_a_privileged_command_is_a_hook():
    asked = read_exec(Fields({"Privileged": True, "Cmd": ["sh"], "User": "0"}), "a/b")

    assert asked is not None
    assert (asked.service, asked.paths) == ("a-b", (("services", "a-b", "post_start"),))
    [hook] = asked.keys["post_start"]
    assert (hook["privileged"], hook["command"], hook["user"]) == (True, ["sh"], "0")


def test_other_commands_are_not_evaluated():
    assert read_exec(Fields({"Privileged": False}), "web") is None


def test_an_update_counts_for_its_devices():
    assert read_update(read_object(body("container-update")), "web") is None
    rules = Fields({"DeviceCgroupRules": ["c 195:* rwm"]})
    asked = read_update(rules, "web")

    assert asked is not None
    assert asked.keys == {"device_cgroup_rules": ["c 195:* rwm"]}
    assert ("services", "web", "device_cgroup_rules") in asked.paths


def test_a_volume_is_mounted_by_a_service_of_its_name():
    asked = read_volume(read_object(body("volume-create-bind-dev")))

    assert asked is not None
    assert asked.keys["volumes"] == [{"type": "volume", "source": "vd2", "target": "/vd2"}]
    assert asked.volumes["vd2"]["driver_opts"]["device"] == "/dev"
    assert read_volume(Fields({"Name": "plain"})) is None


def test_a_service_of_swarm_is_a_service():
    sent = json.loads(body("swarm-service-create"))
    task = sent["TaskTemplate"]
    task["ContainerSpec"] |= {
        "Env": ["A=1"],
        "CapabilityAdd": ["ALL"],
        "Privileges": {
            "Seccomp": {"Mode": "unconfined"},
            "AppArmor": {"Mode": "disabled"},
            "SELinuxContext": {"Disable": True},
        },
    }
    task["Resources"]["Reservations"] = {
        "GenericResources": [
            {"DiscreteResourceSpec": {"Kind": "NVIDIA-GPU", "Value": 2}},
            {"NamedResourceSpec": {"Kind": "gpu", "Value": "UUID1"}},
        ]
    }
    sent["Mode"]["Replicated"] = {"Replicas": 3}

    asked = read_service(Fields(sent))

    assert asked.service == "svc"
    assert asked.keys["environment"] == {"A": "1"}
    assert asked.keys["cap_add"] == ["ALL"]
    assert asked.keys["security_opt"] == [
        "seccomp=unconfined",
        "apparmor=unconfined",
        "label=disable",
    ]
    assert asked.keys["deploy"] == {
        "replicas": 3,
        "resources": {
            "reservations": {
                "generic_resources": [
                    {"discrete_resource_spec": {"kind": "NVIDIA-GPU", "value": 2}},
                    {"discrete_resource_spec": {"kind": "gpu", "value": 1}},
                ]
            }
        },
    }
    assert asked.keys["volumes"] == [
        {"type": "bind", "source": "/dev", "target": "/hd", "read_only": False}
    ]


@pytest.mark.parametrize("task", [{"PluginSpec": {"name": "x"}}, {"Runtime": "plugin"}])
def test_a_service_of_swarm_that_installs_a_plugin_is_refused(task):
    with pytest.raises(Forbidden, match="cannot install a plugin"):
        read_service(Fields({"Name": "s", "TaskTemplate": task}))


def test_a_build_shows_its_network():
    asked = read_build({"networkmode": "host", "t": "x/y:1"})

    assert (asked.service, asked.keys["build"]["network"]) == ("x-y:1", "host")
    assert asked.paths == (("services", "x-y:1", "build"),)
