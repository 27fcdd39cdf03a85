"""Workloads of real projects: through the loader, from a file's text."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyd.bundle import PROJECT_ROOT, memory_bundle
from policyd.compose import load
from policyd.compose.project import Project
from policyd.errors import ComposeError
from policyd.model import to_json
from policyd.workloads import inheritance
from policyd.workloads.extraction import extract
from policyd.workloads.model import (
    Build,
    CgroupRule,
    Device,
    DeviceRequest,
    GenericResource,
    Hook,
    Inherited,
    Mount,
    RunFlag,
    Schedule,
    Triggers,
    Workload,
)
from tests.support.cases import cases


def project(text: str, **files: str) -> Project:
    """Load a project of one Compose file; further files by name, "_" for the dot."""
    contents = {"compose.yaml": text.encode()}
    contents |= {name.replace("_", "."): content.encode() for name, content in files.items()}
    return load(memory_bundle(contents, profiles=["*"]))


def workloads(loaded: Project) -> tuple[Workload, ...]:
    return extract(loaded, memory_bundle({}).files).workloads


def only(text: str) -> Workload:
    """Return the one workload of a service `app` whose keys are `text`."""
    indented = "".join(f"    {line}\n" for line in text.strip("\n").split("\n"))
    [workload] = workloads(project(f"services:\n  app:\n    image: x\n{indented}"))
    return workload


def test_a_service_with_nothing_set_is_empty_everywhere() -> None:
    [workload] = workloads(project("services:\n  app:\n    image: nginx\n"))

    assert workload == Workload(
        name="app",
        path=("services", "app"),
        service="app",
        title="service app",
        image="nginx",
        networks=("default",),
        project_directory=PROJECT_ROOT,
    )


def test_services_of_every_profile_come_in_order_of_their_names() -> None:
    found = workloads(
        project(
            "services:\n"
            "  web: {image: a}\n"
            "  X-ray: {image: b, scale: 0}\n"
            "  job: {image: c, profiles: [debug, ci]}\n"
        )
    )

    assert [(each.name, each.replicas, each.profiles) for each in found] == [
        ("X-ray", 0, ()),
        ("job", 1, ("debug", "ci")),
        ("web", 1, ()),
    ]


def test_privileges_and_namespaces_are_as_loaded() -> None:
    workload = only("""
privileged: yes
use_api_socket: true
runtime: nvidia
user: "0"
cap_add: [sys_admin]
cap_drop: [ALL]
security_opt: ["seccomp:unconfined"]
pid: host
ipc: shareable
uts: host
userns_mode: host
cgroup: host
cgroup_parent: /x
network_mode: host
device_cgroup_rules: ["c 195:* rwm", "a *:* m"]
labels: {a: 1, b: null}
annotations: ["cdi.k8s.io/x=nvidia.com/gpu=all", bare]
""")

    assert workload.privileged is True
    assert workload.use_api_socket is True
    assert (workload.runtime, workload.user) == ("nvidia", "0")
    assert (workload.cap_add, workload.cap_drop) == (("sys_admin",), ("ALL",))
    assert workload.security_opt == ("seccomp:unconfined",)
    assert (workload.pid, workload.ipc, workload.uts) == ("host", "shareable", "host")
    assert (workload.userns_mode, workload.cgroup) == ("host", "host")
    assert (workload.cgroup_parent, workload.network_mode) == ("/x", "host")
    assert workload.device_cgroup_rules == (
        CgroupRule("c 195:* rwm", ("services", "app", "device_cgroup_rules", 0)),
        CgroupRule("a *:* m", ("services", "app", "device_cgroup_rules", 1)),
    )
    assert workload.labels == {"a": "1", "b": ""}
    assert workload.annotations == {"cdi.k8s.io/x": "nvidia.com/gpu=all", "bare": ""}


def test_a_provider_is_named_by_its_type() -> None:
    [workload] = workloads(project("services:\n  app:\n    provider: {type: model}\n"))

    assert (workload.provider, workload.image) == ("model", "")


def test_device_requests_keep_counts_that_print_as_nothing() -> None:
    workload = only("""
gpus:
  - {}
  - {count: 0, driver: nvidia, options: {virtualization: false}}
  - {device_ids: []}
deploy:
  resources:
    reservations:
      devices:
        - {capabilities: [gpu], count: "2"}
        - {capabilities: [gpu, utility], device_ids: ["0", GPU-1]}
      generic_resources:
        - discrete_resource_spec: {kind: NVIDIA-GPU, value: 2}
""")
    path = ("services", "app", "deploy", "resources", "reservations")

    assert workload.device_requests == (
        DeviceRequest("gpus", ("services", "app", "gpus", 0), count=-1),
        DeviceRequest(
            "gpus",
            ("services", "app", "gpus", 1),
            driver="nvidia",
            options={"virtualization": "false"},
        ),
        DeviceRequest("gpus", ("services", "app", "gpus", 2)),
        DeviceRequest("reservation", (*path, "devices", 0), count=2, capabilities=("gpu",)),
        DeviceRequest(
            "reservation",
            (*path, "devices", 1),
            device_ids=("0", "GPU-1"),
            capabilities=("gpu", "utility"),
        ),
    )
    assert workload.generic_resources == (
        GenericResource("NVIDIA-GPU", 2, (*path, "generic_resources", 0)),
    )


def test_devices_have_a_clean_node() -> None:
    workload = only("""
devices:
  - dev//nvidia0:/dev/x:r
  - nvidia.com/gpu=all
  - {source: /proc/1/root/dev/fuse, target: /dev/fuse}
""")

    assert workload.devices == (
        Device("dev//nvidia0", "/dev/x", "r", "/dev/nvidia0", ("services", "app", "devices", 0)),
        Device(
            "nvidia.com/gpu=all",
            "nvidia.com/gpu=all",
            "rwm",
            "/nvidia.com/gpu=all",
            ("services", "app", "devices", 1),
        ),
        Device(
            "/proc/1/root/dev/fuse", "/dev/fuse", "", "/dev/fuse", ("services", "app", "devices", 2)
        ),
    )


def test_mounts_come_from_volumes_options_files_and_other_services() -> None:
    found = workloads(
        project(
            "services:\n"
            "  app:\n"
            "    image: x\n"
            "    volumes: ['.:/src', 'data:/data:ro', 'plain:/plain', /anonymous]\n"
            "    secrets: [key]\n"
            "    volumes_from: ['base:ro']\n"
            "  base:\n"
            "    image: x\n"
            "    volumes: [/var/run/docker.sock:/var/run/docker.sock:ro]\n"
            "volumes:\n"
            "  data: {driver_opts: {type: none, o: bind, device: /dev}}\n"
            "  plain:\n"
            "secrets:\n"
            "  key: {file: ./key.pem}\n"
        )
    )

    app = ("services", "app")
    assert found[0].volumes_from == ("base:ro",)
    assert found[0].mounts == (
        Mount("bind", PROJECT_ROOT, PROJECT_ROOT, "/src", False, "volumes", (*app, "volumes", 0)),
        Mount("bind", "/dev", "/dev", "/data", True, "driver_opts", (*app, "volumes", 1), "data"),
        Mount(
            "volume",
            "project_plain",
            "project_plain",
            "/plain",
            False,
            "volumes",
            (*app, "volumes", 2),
            "plain",
        ),
        Mount("volume", "", "", "/anonymous", False, "volumes", (*app, "volumes", 3)),
        Mount(
            "bind",
            f"{PROJECT_ROOT}/key.pem",
            f"{PROJECT_ROOT}/key.pem",
            "/run/secrets/key",
            True,
            "secrets",
            (*app, "secrets", 0),
        ),
        Mount(
            "bind",
            "/run/docker.sock",
            "/var/run/docker.sock",
            "/var/run/docker.sock",
            True,
            "volumes_from",
            (*app, "volumes_from", 0),
        ),
    )


def test_the_environment_holds_env_files_and_names_without_a_value() -> None:
    [workload] = workloads(
        project(
            "services:\n"
            "  app:\n"
            "    image: x\n"
            "    env_file: app.env\n"
            "    environment: {A: 1, B: null, C: true}\n",
            app_env="A=file\nD=$A\n",
        )
    )

    assert workload.environment == {"A": "1", "B": None, "C": "true", "D": "1"}


def test_a_build_shows_its_privileges_and_what_its_inline_dockerfile_sets() -> None:
    workload = only("""
build:
  context: ./src
  privileged: true
  network: host
  entitlements: [security.insecure]
  args: {N: NVIDIA_VISIBLE_DEVICES}
  target: run
  dockerfile_inline: |
    FROM base AS run
    ARG N
    ENV $$N=all
    RUN --device=nvidia.com/gpu=all train
    FROM base
    ENV NVIDIA_VISIBLE_DEVICES=void
""")

    assert workload.build == Build(
        path=("services", "app", "build"),
        context=f"{PROJECT_ROOT}/src",
        dockerfile_inline=workload.build.dockerfile_inline if workload.build else "",
        dockerfile_path=("services", "app", "build", "dockerfile_inline"),
        base="base",
        privileged=True,
        entitlements=("security.insecure",),
        network="host",
        environment={"NVIDIA_VISIBLE_DEVICES": "all"},
        run_flags=(RunFlag("device", "nvidia.com/gpu=all"),),
    )
    assert workload.build
    assert workload.build.dockerfile_inline.startswith("FROM base AS run\nARG N\nENV $N=all\n")


def test_commands_in_the_container_of_a_service_have_their_own_rights() -> None:
    workload = only("""
environment: {A: service}
post_start:
  - {command: b, user: root, privileged: true}
pre_stop:
  - {command: c, privileged: "yes"}
develop:
  watch:
    - {path: ., action: rebuild}
    - {path: ., action: sync+exec, target: /x, exec: {command: d, privileged: true}}
""")
    app = ("services", "app")

    assert workload.hooks == (
        Hook("post_start", (*app, "post_start", 0), privileged=True, user="root"),
        Hook("pre_stop", (*app, "pre_stop", 0), privileged=True),
        Hook("watch", (*app, "develop", "watch", 1, "exec"), privileged=True),
    )


def of_tree(**tree: Any) -> dict[str, Workload]:
    """Return the workloads of a model in the form that Compose 5.7 loads, by name."""
    loaded = project("services:\n  app:\n    image: x\n")
    loaded.tree = tree
    return {each.name: each for each in workloads(loaded)}


def test_a_job_is_a_workload_with_its_triggers() -> None:
    schedule = [
        {"cron": "0 3 * * *", "timezone": "UTC", "concurrency": "forbid", "missed_fires": "skip"},
        {"cron": "@daily"},
    ]
    job = {
        "image": "batch",
        "gpus": [{"driver": "nvidia", "device_ids": ["1"]}],
        "privileged": True,
        "profiles": ["night"],
        "triggers": {"manual": False, "schedule": schedule},
    }

    found = of_tree(services={"web": {"image": "x"}}, jobs={"nightly": job, "a": {"triggers": {}}})

    assert list(found) == ["web", "a", "nightly"]
    assert found["nightly"] == Workload(
        name="nightly",
        path=("jobs", "nightly"),
        kind="job",
        service="nightly",
        title="job nightly",
        triggers=Triggers(
            manual=False,
            schedule=(Schedule("0 3 * * *", "UTC", "forbid", "skip"), Schedule("@daily")),
        ),
        image="batch",
        profiles=("night",),
        privileged=True,
        device_requests=(
            DeviceRequest(
                "gpus", ("jobs", "nightly", "gpus", 0), driver="nvidia", device_ids=("1",)
            ),
        ),
        project_directory=PROJECT_ROOT,
    )
    assert found["a"].triggers == Triggers()
    assert found["web"].triggers is None


def test_a_hook_is_a_workload_that_counts_for_what_it_adds_to_its_service() -> None:
    gpu = {"driver": "nvidia", "device_ids": ["0"]}
    service = {
        "image": "x",
        "privileged": True,
        "pid": "host",
        "profiles": ["p"],
        "user": "1000",
        "cap_add": ["SYS_ADMIN"],
        "gpus": [gpu],
        "environment": {"A": "1", "B": "2", "C": None},
        "labels": {"owner": "ml"},
        "volumes": [{"type": "bind", "source": "/data", "target": "/data"}],
    }
    hook = service | {
        "image": "y",
        "pid": "",
        "runtime": "nvidia",
        "cap_add": ["SYS_ADMIN", "MKNOD"],
        "gpus": [gpu, gpu | {"device_ids": ["3"]}],
        "environment": {"A": "1", "B": None, "D": "4", "C": None},
        "volumes": [
            {"type": "bind", "source": "/data", "target": "/data"},
            {"type": "bind", "source": "/etc", "target": "/etc"},
        ],
    }

    found = of_tree(services={"web": service | {"pre_start": [hook]}})["web/pre_start/0"]

    path = ("services", "web", "pre_start", 0)
    of_service = Mount(
        "bind", "/data", "/data", "/data", False, "volumes", ("services", "web", "volumes", 0)
    )
    request = DeviceRequest(
        "gpus", ("services", "web", "gpus", 0), driver="nvidia", device_ids=("0",)
    )
    assert found == Workload(
        name="web/pre_start/0",
        path=path,
        kind="hook",
        service="web",
        title="hook 0 of service web",
        hook=0,
        image="y",
        profiles=("p",),
        user="1000",
        runtime="nvidia",
        cap_add=("MKNOD",),
        labels={"owner": "ml"},
        device_requests=(
            DeviceRequest("gpus", (*path, "gpus", 1), driver="nvidia", device_ids=("3",)),
        ),
        environment={"B": None, "D": "4"},
        mounts=(Mount("bind", "/etc", "/etc", "/etc", False, "volumes", (*path, "volumes", 1)),),
        project_directory=PROJECT_ROOT,
        inherited=Inherited(
            privileged=True,
            cap_add=("SYS_ADMIN",),
            device_requests=(request,),
            environment={"A": "1", "C": None},
            mounts=(of_service,),
        ),
    )


def test_a_mount_of_a_hook_replaces_that_of_its_service_at_the_same_target() -> None:
    def bind(source: str) -> dict[str, str]:
        return {"type": "bind", "source": source, "target": "/data"}

    hook = {"volumes": [bind("/other")]}
    found = of_tree(services={"web": {"volumes": [bind("/data")], "pre_start": [hook]}})

    hook_found = found["web/pre_start/0"]
    assert [mount.source for mount in hook_found.mounts] == ["/other"]
    assert hook_found.inherited
    assert hook_found.inherited.mounts == ()


def test_what_all_hooks_inherit_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = {"environment": {"A": "x" * 1000}}
    tree: dict[str, Any] = {"services": {"web": shared | {"pre_start": [shared] * 3}}}

    monkeypatch.setattr(inheritance, "MAX_INHERITED", 4 << 10)
    assert len(of_tree(**tree)) == 4
    monkeypatch.setattr(inheritance, "MAX_INHERITED", 3 << 10)
    with pytest.raises(ComposeError, match="the hooks of the project inherit more"):
        of_tree(**tree)


@cases(
    ("keys", "replicas", "memory", "cpus"),
    [
        ("scale: 3", 3, 0, 0),
        ("deploy: {replicas: 2}", 2, 0, 0),
        ("mem_limit: 512m\ncpus: 1.5", 1, 536870912, 1_500_000_000),
        ("mem_limit: -1\ncpus: 0.1", 1, 0, 100_000_000),
        ("mem_limit: 1e9", 1, 0, 0),
        ("deploy: {resources: {limits: {memory: 1g, cpus: '2'}}}", 1, 1073741824, 2_000_000_000),
        ("deploy: {resources: {limits: {cpus: inf}}}", 1, 0, 0),
    ],
)
def test_replicas_and_limits_come_from_either_place(
    keys: str, replicas: int, memory: int, cpus: int
) -> None:
    workload = only(keys)

    assert (workload.replicas, workload.memory_limit, workload.cpu_limit) == (
        replicas,
        memory,
        cpus,
    )


WORDS = """
services volumes secrets a b build deploy resources reservations limits devices gpus source target
type file name driver driver_opts device o environment exec watch develop pre_start volumes_from
count memory cpus scale replicas dockerfile_inline args
"""
SCALARS: Any = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats()
    | st.sampled_from(["", "a", "b:ro"])
)
ANYTHING: Any = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(WORDS.split()), inner, max_size=4)
    ),
    max_leaves=30,
)


@pytest.mark.thorough
@settings(max_examples=200 if os.environ.get("CI") else 50)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_any_tree_gives_workloads_of_the_right_types(service: Any, volume: Any, extra: Any) -> None:
    loaded = project("services:\n  app:\n    image: x\n")
    loaded.tree = {
        "services": {
            "a": service,
            "b": {"volumes": [volume], "volumes_from": ["a"], "pre_start": [service]},
        },
        "jobs": {"c": service, "d": {"triggers": extra}},
        "volumes": {"a": volume},
        "secrets": extra,
    }

    found = workloads(loaded)

    assert {each.name for each in found} >= {"a", "b", "c", "d"}
    assert to_json(found).startswith(b'[{"name":"a"')
