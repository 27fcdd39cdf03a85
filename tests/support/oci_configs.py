"""Configurations of containers as dockerd 20.10 wrote them for runc (recorded, without seccomp)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

ID: Final = "f1d345cac1f4fbca28dfc2dff488c30bcbaabb291f6e8b86394a08356685d88e"
CAPABILITIES: Final = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW",
    "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
]  # fmt: skip
_RULES: Final = [("c", 1, 5), ("c", 1, 3), ("c", 1, 9), ("c", 1, 8), ("c", 5, 0), ("c", 5, 1)]
LEGACY_HOOK: Final = {
    "prestart": [{"path": "/usr/bin/nvidia-container-runtime-hook", "args": ["…", "prestart"]}]
}


def bind(source: str, target: str, *options: str) -> dict[str, Any]:
    return {
        "destination": target,
        "type": "bind",
        "source": source,
        "options": ["rbind", "rprivate", *options],
    }


def device(path: str, major: int, minor: int, kind: str = "c") -> dict[str, Any]:
    return {"path": path, "type": kind, "major": major, "minor": minor, "fileMode": 438}


def allow(kind: str, major: int, minor: int, access: str = "rwm") -> dict[str, Any]:
    rule = {"allow": True, "type": kind, "major": major, "minor": minor, "access": access}
    return {key: value for key, value in rule.items() if value != -1}


def config(root: str = "/var/lib/docker", **changes: Any) -> dict[str, Any]:
    """Return a configuration; `changes` add mounts, devices, rules, env, or replace hooks …"""
    folder = f"{root}/containers/{ID}"
    own = [bind(f"{folder}/{name}", f"/etc/{name}") for name in ("resolv.conf", "hosts")]
    devices = changes.get("devices", [])
    rules = [
        {"allow": False, "access": "rwm"},
        *(allow(*rule) for rule in _RULES),
        {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "rwm"},
        *(allow(one["type"], one["major"], one["minor"]) for one in devices),
        *changes.get("rules", []),
    ]
    capabilities = [*CAPABILITIES, *changes.get("capabilities", [])]
    sets = dict.fromkeys(("bounding", "effective", "permitted"), capabilities)
    shared = changes.get("shared", ())
    kinds = ("mount", "network", "uts", "pid", "ipc")
    return {
        "ociVersion": "1.0.2-dev",
        "root": {"path": f"{root}/vfs/dir/0123456789ab"},
        "process": {
            "args": ["sleep", "60"],
            "env": ["PATH=/usr/bin:/bin", "HOSTNAME=f1d345cac1f4", *changes.get("env", [])],
            "capabilities": sets,
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm"},
            *own,
            *changes.get("mounts", []),
        ],
        "hooks": changes.get(
            "hooks", {"prestart": [{"path": "/proc/8900/exe", "args": ["libnetwork-setkey"]}]}
        ),
        "linux": {
            "resources": {"devices": rules},
            "devices": devices,
            "namespaces": [{"type": kind} for kind in kinds if kind not in shared],
        },
    }


def encoded(**changes: Any) -> bytes:
    return json.dumps(config(**changes)).encode()


def write_state(root: Path, labels: dict[str, str], **host: Any) -> None:
    """Write the files in which the engine describes the container."""
    folder = root / "containers" / ID
    folder.mkdir(parents=True)
    described = {
        "ID": ID,
        "Name": "/train-train-1",
        "Image": "sha256:0",
        "Config": {"Image": "acme/train:1", "Env": ["PATH=/usr/bin:/bin"], "Labels": labels},
    }
    (folder / "config.v2.json").write_text(json.dumps(described))
    limits = {"Memory": 67_108_864, "NetworkMode": "none"}
    (folder / "hostconfig.json").write_text(json.dumps({**limits, **host}))
