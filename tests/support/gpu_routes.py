"""Routes to a GPU or out of a container, each with the gate that must close it.

A route is a list of steps, each a command of the client or a request. The route is closed by a gate
if one of the steps does not succeed with that gate alone. `plugin` says so for the authorization
plugin; other gates have columns of their own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.dockerd import GPU_IMAGE, IMAGE, Dockerd, Done, Sent, chunked

Step = Callable[[Dockerd], Done | Sent]

CREATE = "/v1.41/containers/create"
SHOP = (
    *("--label", "com.docker.compose.project=shop"),
    *("--label", "com.docker.compose.service=web"),
)
SYSTEMD = {"org.systemd.property.DeviceAllow": "[('char-nvidia', 'rwm')]"}


@dataclass(frozen=True)
class Route:
    """A way to a GPU, or out of a container."""

    name: str
    steps: tuple[Step, ...]
    plugin: bool = True

    def denial(self, dockerd: Dockerd) -> str:
        """Take the steps in turn and return the text of the first denial, "" if none is denied."""
        for step in self.steps:
            done = step(dockerd)
            if done.is_denied:
                return done.output if isinstance(done, Done) else done.body.decode()
        return ""


def run(*options: str, image: str = IMAGE) -> Step:
    """Return the step of running a container with `options`."""
    return lambda dockerd: dockerd.docker(
        "run", "--rm", "--network", "none", *options, image, "true"
    )


def client(*arguments: str) -> Step:
    """Return the step of a command of the client."""
    return lambda dockerd: dockerd.docker(*arguments)


def request(uri: str, body: Any = None, **headers: str) -> Step:
    """Return the step of a request."""
    return lambda dockerd: dockerd.send(uri, body, **headers)


def body(**host: Any) -> dict[str, Any]:
    """Return a request to create a container."""
    return {"Image": IMAGE, "Cmd": ["true"], "HostConfig": {"NetworkMode": "none", **host}}


PRIVILEGED = body(Privileged=True)


def gpu(**fields: Any) -> dict[str, Any]:
    """Return a request to create a container with a device request."""
    given = {"Driver": "nvidia", "Count": 0, "Capabilities": [["gpu"]], **fields}
    return body(DeviceRequests=[given])


def routes(folder: Path) -> list[Route]:
    """Return the routes; `folder` has the files of `prepare`."""
    relative = {
        "PathOnHost": f"../../../../../..{folder}/link",
        "PathInContainer": "/dev/x",
        "CgroupPermissions": "rwm",
    }
    top = {"Binds": ["/:/host"]}
    below = {
        **{"Type": "bind", "Source": "/sys", "Target": "/x", "ReadOnly": True},
        "BindOptions": {"ReadOnlyNonRecursive": True},  # for daemons from 25 on
    }
    options = {"type": "none", "o": "bind", "device": "/dev"}
    whole = {"DriverConfig": {"Options": options}, "Subpath": "none"}
    part = {"Type": "volume", "Source": "v4", "Target": "/x", "VolumeOptions": whole}
    padded = {**PRIVILEGED, "Labels": {"pad": "x" * 1_100_000}}
    duplicate = json.dumps(PRIVILEGED)[:-1] + ',"HostConfig":{"NetworkMode":"none"}}'
    return [
        Route("privileged", (run("--privileged"),)),
        Route("device node", (run("--device", "/dev/nvidia0"),)),
        Route("folder of nodes", (run("--device", "/dev/dri"),)),
        Route("link to a node", (run("--device", f"{folder}/link"),)),
        Route("relative path of a link", (request(CREATE, body(Devices=[relative])),)),
        Route("node of another name", (run("--device", f"{folder}/node"),)),
        Route("folder with a node", (run("--device", f"{folder}/nodes"),)),
        Route("all GPUs", (run("--gpus", "all"),)),
        Route("GPUs by count", (request(CREATE, gpu(Count=1)),)),
        Route("GPUs by id without a grant", (request(CREATE, gpu(DeviceIDs=["0"])),)),
        Route("CDI name", (request(CREATE, gpu(Driver="cdi", DeviceIDs=["nvidia.com/gpu=all"])),)),
        Route(
            "CDI name with another driver",
            (request(CREATE, gpu(DeviceIDs=["amd.com/gpu=all"])),),
        ),
        Route("runtime of NVIDIA", (run("--runtime", "nvidia"),)),
        Route("unknown runtime", (run("--runtime", "other"),)),
        Route("variable", (run("-e", "NVIDIA_VISIBLE_DEVICES=all"),)),
        Route(
            "variable of the image, runtime of NVIDIA",
            (run("--runtime", "nvidia", image=GPU_IMAGE),),
        ),
        Route("annotation", (request(CREATE, body(Annotations={"cdi.k8s.io/x": "a.b/gpu=all"})),)),
        Route("annotation of systemd", (request(CREATE, body(Annotations=SYSTEMD)),)),
        Route(
            "volume request",
            (run("-v", "/dev/null:/var/run/nvidia-container-devices/all", "-e", "A=1"),),
        ),
        Route("devices of the host", (run("-v", "/dev:/hostdev"),)),
        Route("root of the host", (run("-v", "/:/host"),)),
        Route("link to the root of the host", (run("-v", f"{folder}/root:/host"),)),
        Route("program that root runs", (run("-v", "/bin/sh:/x"),)),
        Route("socket of the engine", (run("-v", "/var/run/docker.sock:/s"),)),
        Route("folder of the socket", (run("-v", "/run:/r"),)),
        Route("device rule", (run("--device-cgroup-rule", "c 195:* rwm"),)),
        Route("processes of the host", (run("--pid", "host"),)),
        Route("capability", (run("--cap-add", "SYS_ADMIN"),)),
        Route("all capabilities", (run("--cap-add", "ALL"),)),
        Route("unconfined paths", (run("--security-opt", "systempaths=unconfined"),)),
        Route("no masked paths", (request(CREATE, body(MaskedPaths=[])),)),
        Route(
            "volume of devices",
            (client("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/dev"),),
        ),
        Route(
            "volume of devices in a container",
            (
                run(
                    "--mount",
                    "type=volume,source=v1,target=/x,volume-opt=type=none,volume-opt=o=bind,"
                    "volume-opt=device=/dev",
                ),
            ),
        ),
        Route(
            "volume of formats of programs that the kernel starts",
            (client("volume", "create", "-o", "type=binfmt_misc", "-o", "device=x"),),
        ),
        Route(
            "volume of devices, with a part that old daemons ignore",
            (request(CREATE, body(Mounts=[part])),),
        ),
        Route(
            "volume of a link to devices",
            (
                run(
                    "--mount",
                    "type=volume,source=v2,target=/x,volume-opt=type=none,volume-opt=o=bind,"
                    f"volume-opt=device={folder}/devices",
                ),
            ),
        ),
        Route(
            "volume of a link to a disk",
            (
                run(
                    "--mount",
                    "type=volume,source=v3,target=/x,volume-opt=type=ext4,"
                    f"volume-opt=device={folder}/disk",
                ),
            ),
        ),
        Route(
            "control groups of devices below a read-only mount",
            (request(CREATE, body(Mounts=[below])),),
        ),
        Route("link of a process", (run("-v", "/proc/self/root:/x"),)),
        Route(
            "start from a checkpoint",
            (request("/v1.41/containers/running/start?checkpoint=c&checkpoint-dir=/tmp/c"),),
        ),
        Route("volume from before the gate", (run("-v", "old:/x"),)),
        Route("volumes of another container", (run("--volumes-from", "old-container"),)),
        Route(
            "volumes of a container of the same project from before the gate",
            (run(*SHOP, "--volumes-from", "old-files"),),
        ),
        Route(
            "files into the mounts of a container from before the gate",
            (
                request(
                    f"/v1.41/containers/old-files/archive?path=/host{folder}",
                    b"\0" * 1024,
                    method="PUT",
                ),
            ),
        ),
        Route(
            "files out of the mounts of a container from before the gate",
            (request("/v1.41/containers/old-files/archive?path=/host/etc/passwd", method="GET"),),
        ),
        Route(
            "restart policy of a container from before the gate",
            (client("update", "--restart", "always", "old-container"),),
        ),
        Route(
            "removal of a checkpoint, which may be any folder",
            (request(f"/v1.41/containers/running/checkpoints/kept?dir={folder}", method="DELETE"),),
        ),
        Route("start of a container from before the gate", (client("start", "old-container"),)),
        Route("restart of a container from before the gate", (client("restart", "old-container"),)),
        Route("privileged command", (client("exec", "--privileged", "running", "true"),)),
        Route("body that is too large", (request(CREATE, padded),)),
        Route("duplicate keys", (request(CREATE, duplicate.encode()),)),
        Route(
            "keys in lower case",
            (request(CREATE, {"image": IMAGE, "hostconfig": {"privileged": True}}),),
        ),
        Route("fields at the top", (request(CREATE, {"Image": IMAGE, "Privileged": True}),)),
        Route(
            "fields at the top beside a key with a ligature",
            (
                request(
                    CREATE,
                    {"Image": IMAGE, "HostCon\ufb01g": {}, "NetworkMode": "none", **top},
                ),
            ),
        ),
        Route("escaped path", (request("/v1.41/containers/%63reate", PRIVILEGED),)),
        Route("path without a version", (request("/containers/create", PRIVILEGED),)),
        Route("old version", (request("/v1.12/containers/create", PRIVILEGED),)),
        Route("absolute URI", (request("http://docker/v1.41/containers/create", PRIVILEGED),)),
        Route("URI with a scheme only", (request("x:/v1.41/containers/create", PRIVILEGED),)),
        Route(
            "chunked body",
            (
                request(
                    CREATE,
                    chunked(json.dumps(PRIVILEGED).encode()),
                    **{"Transfer-Encoding": "chunked"},
                ),
            ),
        ),
        Route(
            "type of the body in another case",
            (request(CREATE, PRIVILEGED, **{"Content-Type": "Application/JSON; charset=utf-8"}),),
        ),
        Route(
            "start in an old version",
            (request("/v1.23/containers/running/start", {"Privileged": True}),),
        ),
        Route("swarm", (client("swarm", "init", "--advertise-addr", "127.0.0.1"),)),
        Route("plugin of Docker", (request("/v1.41/plugins/pull?remote=x/y&name=z", []),)),
        Route("build", (request("/v1.41/build?remote=client-session", b""),)),
        Route("session of a build", (request("/v1.41/session"),)),
    ]
