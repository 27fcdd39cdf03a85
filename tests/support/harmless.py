"""Random Compose projects that a shared GPU host must allow.

Each project has one to four workloads, and each workload has some features from FEATURES: what
public projects use every day, and what only looks like a way out of a container.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

Project = dict[str, Any]

IMAGES: Final = (
    "nginx:1.29",
    "postgres:18",
    "registry.example/team/train:2.1",
    "pytorch/pytorch:2.9.1-cuda13.0-cudnn9-runtime",
    "vllm/vllm-openai:v0.24.0",
    "nvcr.io/nvidia/tritonserver:26.03-py3",
    "ollama/ollama@sha256:" + "a" * 64,
)

# What services may do: fragments of a service, merged by `_merge`.
FEATURES: Final[tuple[Project, ...]] = (
    # Folders of the project and of users, named volumes, files of the host that are only read.
    {"volumes": ["./data:/data"]},
    {"volumes": ["./conf/app.toml:/etc/app.toml:ro", "../shared:/shared"]},
    {"volumes": ["models:/models"]},
    {"volumes": ["nfs:/datasets:ro"]},
    {"volumes": ["/srv/datasets:/datasets:ro", "/data/checkpoints:/checkpoints"]},
    {"volumes": ["/home/ada/work:/work", "~/cache:/cache"]},
    {"volumes": ["/mnt/nvme/scratch:/scratch", "/opt/models:/models"]},
    {"volumes": ["/var/log/app:/var/log/app", "/var/lib/app:/var/lib/app", "/var/cache/x:/x"]},
    {"volumes": ["/etc/localtime:/etc/localtime:ro", "/etc/timezone:/etc/timezone:ro"]},
    {"volumes": ["/etc/localtime:/etc/localtime"]},
    {"volumes": ["/etc/ssl/certs:/etc/ssl/certs:ro", "/usr/share/zoneinfo:/usr/share/zoneinfo"]},
    {"volumes": ["/etc/passwd:/etc/passwd:ro", "/etc/group:/etc/group:ro"]},
    {"volumes": ["/lib/modules:/lib/modules:ro", "/usr/src:/usr/src"]},
    {"volumes": ["/root/.cache/huggingface:/root/.cache/huggingface"]},
    {"volumes": ["/proc:/host/proc:ro", "/sys:/host/sys:ro", "/dev/disk:/host/dev/disk:ro"]},
    {"volumes": ["/tmp/.X11-unix:/tmp/.X11-unix", "/dev/shm:/dev/shm"]},
    {"volumes": ["/run/user/1000/pulse/native:/run/pulse/native", "/run/udev:/run/udev:ro"]},
    {"volumes": ["/run/systemd/journal/socket:/run/systemd/journal/socket"]},
    {"volumes": ["/usr/local/bin/npu-smi:/usr/local/bin/npu-smi", "/usr/local/cuda:/cuda:ro"]},
    {"volumes": [{"type": "tmpfs", "target": "/run/app", "tmpfs": {"size": "64m"}}]},
    {"tmpfs": ["/tmp", "/run:size=64m"]},
    {"secrets": ["token"]},
    {"configs": [{"source": "settings", "target": "/etc/settings.ini"}]},
    # Networks.
    {"ports": ["8080", "127.0.0.1:9000-9010:9000-9010/tcp"]},
    {"ports": [{"target": 443, "host_ip": "::1", "protocol": "tcp"}], "expose": ["9100"]},
    {"networks": ["back"]},
    {"extra_hosts": ["host.docker.internal:host-gateway"], "dns": ["192.0.2.53"]},
    {"hostname": "node", "domainname": "example.org"},
    # Life cycle.
    {"healthcheck": {"test": ["CMD", "true"], "interval": "30s", "retries": 3}},
    {"restart": "unless-stopped", "stop_grace_period": "1m30s", "init": True},
    {"logging": {"driver": "json-file", "options": {"max-size": "10m"}}},
    {"command": ["serve", "--privileged=false"], "working_dir": "/srv", "user": "1000:1000"},
    {"labels": {"description": "runs privileged: true"}, "annotations": {"org.example.team": "ml"}},
    {"post_start": [{"command": ["warm-up"]}], "pre_stop": [{"command": "drain"}]},
    {"pre_start": [{"image": "registry.example/migrate:1", "command": ["migrate"]}]},
    {"develop": {"watch": [{"path": "./src", "action": "rebuild"}]}},
    # Limits.
    {"deploy": {"resources": {"limits": {"cpus": "2", "memory": "8g"}}, "replicas": 2}},
    {"memswap_limit": "-1", "shm_size": "8g", "cpu_shares": 512},
    {"ulimits": {"memlock": -1, "nofile": {"soft": 65535, "hard": 65535}}},
    {"sysctls": {"net.core.somaxconn": 1024}},
    # Privileges that lead nowhere by themselves.
    {"cap_drop": ["ALL"], "cap_add": ["NET_BIND_SERVICE", "CHOWN"]},
    {"cap_add": ["SYS_NICE", "IPC_LOCK", "NET_ADMIN", "SYS_PTRACE"]},
    {"security_opt": ["no-new-privileges:true", "seccomp:unconfined"]},
    {"security_opt": ["label:disable", "apparmor=unconfined"]},
    {"privileged": False, "read_only": True},
    {"ipc": "host", "ulimits": {"stack": 67108864}},
    {"ipc": "shareable"},
    {"network_mode": "host"},
    {"group_add": ["video", "render"]},
    {"devices": ["/dev/snd", "/dev/ttyUSB0:/dev/ttyUSB0", "/dev/net/tun"]},
    {"devices": ["/dev/fuse", "/dev/kvm", "/dev/video0:/dev/video0", "/dev/bus/usb"]},
    {"device_cgroup_rules": ["c 188:* rmw", "c 189:* rw", "c 81:* r"]},
    {"runtime": "runc"},
    {"runtime": "io.containerd.runc.v2"},
    # Accelerators by name or number.
    {"environment": {"NVIDIA_VISIBLE_DEVICES": "void", "NVIDIA_DRIVER_CAPABILITIES": "all"}},
    {"environment": {"CUDA_VISIBLE_DEVICES": "0,1", "HIP_VISIBLE_DEVICES": "0"}},
    {"environment": ["MODE=all", "GPU_COUNT=all", "LANG"]},
    {"gpus": [{"driver": "nvidia", "device_ids": ["GPU-0a", "GPU-0b"]}]},
    {"gpus": [{"driver": "amd", "device_ids": ["1"]}]},
    {"devices": ["nvidia.com/gpu=0", "nvidia.com/gpu=1:2"]},
    {"devices": ["amd.com/gpu=3"]},
    {"build": {"context": ".", "dockerfile_inline": "FROM alpine\nRUN --network=host true\n"}},
    {"build": {"context": ".", "network": "host", "entitlements": ["network.host"]}},
)

_TOP_LEVEL: Final[Project] = {
    "volumes": {
        "models": {},
        "nfs": {"driver_opts": {"type": "nfs", "o": "addr=192.0.2.1,ro", "device": ":/export"}},
    },
    "networks": {"back": {"internal": True}},
    "secrets": {"token": {"file": "./token.txt"}},
    "configs": {"settings": {"content": "[app]\n"}},
}


def projects(number: int, seed: int) -> Iterator[Project]:
    """Yield `number` random projects; the same `seed` gives the same projects."""
    source = random.Random(seed)
    for _ in range(number):
        yield _project(source)


def _project(source: random.Random) -> Project:
    names = source.sample(("web", "train", "db", "proxy", "worker"), source.randint(1, 4))
    services = {}
    for index, name in enumerate(names):
        service: Project = {"image": source.choice(IMAGES)}
        for feature in source.sample(FEATURES, source.randint(0, 8)):
            _merge(service, feature)
        if source.random() < 0.4:
            _merge(
                service, {"deploy": {"resources": {"reservations": {"devices": [_gpus(source)]}}}}
            )
        if index and source.random() < 0.3:
            service["depends_on"] = [names[0]]
        if index and source.random() < 0.1:
            service |= {"pid": f"service:{names[0]}", "depends_on": [names[0]]}
        if service.get("network_mode"):
            service.pop("networks", None)
        services[name] = service
    return {"name": "harmless", "services": services, **_TOP_LEVEL}


def _gpus(source: random.Random) -> Project:
    devices = {
        "ids": {"device_ids": source.sample(["0", "1", "2", "GPU-1b", "MIG-2c"], 2)},
        "count": {"count": source.randint(1, 8)},
        "none": {"count": 0},
    }[source.choice(("ids", "count", "none"))]
    return {"driver": "nvidia", "capabilities": ["gpu"], **devices}


def _merge(into: Project, new: Project) -> None:
    """Merge `new` into `into`: mappings by key, lists one after the other, else `into` stays."""
    for key, value in new.items():
        old = into.setdefault(key, type(value)() if isinstance(value, (dict, list)) else value)
        if isinstance(old, dict) and isinstance(value, dict):
            _merge(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            old += [item for item in value if item not in old]
