from __future__ import annotations

from policyd.host.asked import without_empty
from policyd.host.folded_json import Fields
from policyd.host.host_config import UNMASKED, host_keys
from tests.support.cases import cases

MASKED = [
    *("/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug"),
    *("/proc/scsi", "/proc/timer_list", "/sys/firmware"),
]


@cases(
    ("host", "expected"),
    [
        ({"Privileged": True, "CapAdd": ["ALL"]}, {"privileged": True, "cap_add": ["ALL"]}),
        (
            {"PidMode": "host", "IpcMode": "container:x", "UTSMode": "host"},
            {"pid": "host", "ipc": "container:x", "uts": "host"},
        ),
        ({"UsernsMode": "host", "CgroupnsMode": "host"}, {"userns_mode": "host", "cgroup": "host"}),
        ({"NetworkMode": "host"}, {"network_mode": "host"}),
        ({"NetworkMode": "container:abc"}, {"network_mode": "container:abc"}),
        ({"NetworkMode": "project_default"}, {}),
        ({"NetworkMode": "default"}, {}),
        ({"VolumesFrom": ["web:ro"]}, {"volumes_from": ["container:web:ro"]}),
        ({"SecurityOpt": ["seccomp=unconfined"]}, {"security_opt": ["seccomp=unconfined"]}),
        ({"MaskedPaths": []}, {"security_opt": [UNMASKED]}),
        ({"MaskedPaths": MASKED[1:]}, {"security_opt": [UNMASKED]}),
        ({"MaskedPaths": [*MASKED, "/x"], "ReadonlyPaths": None}, {}),
        ({"ReadonlyPaths": []}, {"security_opt": [UNMASKED]}),
        ({"Tmpfs": {"/t": "exec", "/u": ""}}, {"tmpfs": ["/t:exec", "/u"]}),
        (
            {"Annotations": {"cdi.k8s.io/x": "a/b=all"}},
            {"annotations": {"cdi.k8s.io/x": "a/b=all"}},
        ),
        (
            {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}},
            {"restart": "on-failure:3"},
        ),
        (
            {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]},
            {"ulimits": {"nofile": {"soft": 1, "hard": 2}}},
        ),
        (
            {"PortBindings": {"80/udp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}},
            {
                "ports": [
                    {
                        "target": 80,
                        "published": "8080",
                        "host_ip": "127.0.0.1",
                        "protocol": "udp",
                    }
                ]
            },
        ),
        (
            {"Memory": 1024, "NanoCpus": 500_000_000, "PidsLimit": 9},
            {"mem_limit": 1024, "cpus": 0.5, "pids_limit": 9},
        ),
        ({"CpuQuota": 50_000}, {"cpus": 0.5}),
        ({"Memory": -1, "PidsLimit": -1}, {}),
        (
            {"LogConfig": {"Type": "none", "Config": {}}},
            {"logging": {"driver": "none", "options": {}}},
        ),
    ],
)
def test_fields_become_keys_of_a_service(host, expected):
    assert without_empty(host_keys(Fields(host))) == expected


def test_a_device_request_becomes_a_reservation():
    request = {
        "Driver": "nvidia",
        "Count": 0,
        "DeviceIDs": ["0"],
        "Capabilities": [["gpu", "compute"], ["tpu"]],
        "Options": {"a": "b"},
    }

    assert host_keys(Fields({"DeviceRequests": [request]}))["deploy"] == {
        "resources": {
            "reservations": {
                "devices": [
                    {
                        "driver": "nvidia",
                        "count": 0,
                        "device_ids": ["0"],
                        "capabilities": ["gpu", "compute", "tpu"],
                        "options": {"a": "b"},
                    }
                ]
            }
        }
    }


def test_a_cdi_name_becomes_a_device():
    request = {"Driver": "cdi", "Count": 0, "DeviceIDs": ["nvidia.com/gpu=0"], "Capabilities": None}

    assert host_keys(Fields({"DeviceRequests": [request]}))["devices"] == [
        {"source": "nvidia.com/gpu=0", "target": "nvidia.com/gpu=0", "permissions": "rwm"}
    ]
