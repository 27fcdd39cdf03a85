"""Fixes of the policies of the pack container."""

from __future__ import annotations

from typing import Final

from tests.support.fixes.model import AMD_0, GPUS_0, NO_GPU, NVIDIA_0, Fix

_INLINE = 'build: {context: ., dockerfile_inline: "FROM alpine\\n%s"}'
_EXCEPTION = "exception"

FIXES: Final = {
    "no-privileged": Fix(
        "no-privileged",
        "privileged: true",
        ("Remove `privileged: true`", "`driver: nvidia` with `device_ids: ['0']`"),
        NVIDIA_0,
    ),
    "no-privileged-of-a-job": Fix(
        "no-privileged",
        "jobs:\n  app:\n    image: registry.example/app:1\n    privileged: true\n"
        "    triggers: {manual: true}\n",
        ("Remove `privileged: true`", "an entry of `gpus:`"),
        f"jobs:\n  app:\n    image: registry.example/app:1\n    {GPUS_0}\n"
        "    triggers: {manual: true}\n",
    ),
    "no-privileged-hooks": Fix(
        "no-privileged-hooks",
        "pre_start: [{command: [a], image: b, privileged: true}]",
        ("Run the hook without `privileged: true`",),
        "pre_start: [{command: [a], image: b}]",
        gets_device=False,
    ),
    "no-privileged-hooks-command": Fix(
        "no-privileged-hooks",
        "post_start: [{command: [a], privileged: true}]",
        ("Run the hook without `privileged: true`",),
        "post_start: [{command: [a]}]",
        gets_device=False,
    ),
    "build-privileged": Fix(
        "no-build-privileges",
        "build: {context: ., privileged: true}",
        ("Remove the option from the build", "`driver: nvidia` with `device_ids: ['0']`"),
        f"build: {{context: .}}\n    {NVIDIA_0}",
    ),
    "build-entitlement": Fix(
        "no-build-privileges",
        "build: {context: ., entitlements: [security.insecure]}",
        ("Remove the option from the build",),
        f"build: {{context: .}}\n    {NVIDIA_0}",
    ),
    "build-insecure-step": Fix(
        "no-build-privileges",
        _INLINE % "RUN --security=insecure true",
        ("Remove the option from the build",),
        _INLINE % "RUN true",
        gets_device=False,
    ),
    "docker-socket": Fix(
        "no-docker-socket",
        "volumes: ['/var/run/docker.sock:/var/run/docker.sock']",
        ("Remove the mount or `use_api_socket`", "filtering proxy", _EXCEPTION),
        "environment: {DOCKER_HOST: 'tcp://proxy.example:2375'}",
        gets_device=False,
    ),
    "docker-socket-by-a-key": Fix(
        "no-docker-socket",
        "use_api_socket: true",
        ("Remove the mount or `use_api_socket`",),
        NO_GPU,
        gets_device=False,
    ),
    "docker-socket-folder": Fix(
        "no-docker-socket",
        "volumes: ['/run:/host/run:ro']",
        ("Remove the mount",),
        NO_GPU,
        gets_device=False,
    ),
    "cgroup-rule-nvidia": Fix(
        "no-device-cgroup-rules",
        "device_cgroup_rules: ['c 195:* rw']",
        ("Remove the rule", "`driver: nvidia` with `device_ids: ['0']`"),
        NVIDIA_0,
    ),
    "cgroup-rule-drm": Fix(
        "no-device-cgroup-rules",
        "device_cgroup_rules: ['c 226:* rw']",
        ("Remove the rule", "`driver: amd`"),
        AMD_0,
    ),
    "cgroup-rule-of-another-device": Fix(
        "no-device-cgroup-rules",
        "device_cgroup_rules: ['c 510:* rw']",
        ("`paths: ['services/app/device_cgroup_rules/0']`",),
    ),
    "cgroup-rule-without-a-grant": Fix(
        "no-device-cgroup-rules",
        "device_cgroup_rules: ['b 8:* rw']",
        ("Remove the rule", "`paths: ['services/app/device_cgroup_rules/0']`"),
        NO_GPU,
        gets_device=False,
    ),
    "foreign-namespace": Fix(
        "no-foreign-container-sharing",
        "ipc: container:other",
        ("Add the container to the project", "`service:<name>`"),
        "services:\n  app: {image: a, ipc: 'service:other'}\n  other: {image: b, ipc: shareable}\n",
        gets_device=False,
    ),
    "foreign-volumes": Fix(
        "no-foreign-container-sharing",
        "volumes_from: ['container:other']",
        ("in `volumes_from` by the name of its service",),
        "services:\n  app: {image: a, volumes_from: [other]}\n  other: {image: b}\n",
        gets_device=False,
    ),
    "root-mount": Fix(
        "no-host-root-mount",
        "volumes: ['/:/host:ro']",
        ("Mount only the folder that the workload needs, and add `:ro`",),
        "volumes: ['/srv/data:/host/srv/data:ro']",
        gets_device=False,
    ),
    "disk": Fix(
        "no-host-disk-or-memory-devices",
        "devices: [/dev/sda]",
        ("Mount a folder or a volume",),
        "volumes: ['/srv/data:/data']",
        gets_device=False,
    ),
    "disk-mount": Fix(
        "no-host-disk-or-memory-devices",
        "volumes: ['/dev/mem:/dev/mem']",
        ("Mount a folder or a volume",),
        "volumes: ['./memory:/memory']",
        gets_device=False,
    ),
    "runtime-configuration": Fix(
        "no-runtime-config-mounts",
        "volumes: ['/etc/docker/daemon.json:/daemon.json']",
        ("Add `:ro` to the mount",),
        "volumes: ['/etc/docker/daemon.json:/daemon.json:ro']",
        gets_device=False,
    ),
    "runtime-configuration-narrower": Fix(
        "no-runtime-config-mounts",
        "volumes: ['/var/lib:/x']",
        ("mount a folder that does not contain the configuration",),
        "volumes: ['/var/lib/app:/x']",
        gets_device=False,
    ),
    "system-folder": Fix(
        "no-host-system-mounts",
        "volumes: ['/usr/bin:/host/bin']",
        ("Add `:ro` to the mount",),
        "volumes: ['/usr/bin:/host/bin:ro']",
        gets_device=False,
    ),
    "system-file": Fix(
        "no-host-system-mounts",
        "volumes: ['/usr/local/bin:/usr/local/bin']",
        ("mount only the one file that is needed",),
        "volumes: ['/usr/local/bin/npu-smi:/usr/local/bin/npu-smi']",
        gets_device=False,
    ),
    "proc": Fix(
        "no-host-proc-sys-mounts",
        "volumes: ['/sys/fs/cgroup:/sys/fs/cgroup']",
        ("Add `:ro` to the mount",),
        "volumes: ['/sys/fs/cgroup:/sys/fs/cgroup:ro']",
        gets_device=False,
    ),
    "service-socket": Fix(
        "no-host-service-sockets",
        "volumes: ['/run/dbus/system_bus_socket:/run/dbus/system_bus_socket']",
        ("mount the socket of a filtering proxy in a folder of its own", _EXCEPTION),
        "volumes: ['/run/bus-proxy/socket:/run/dbus/system_bus_socket']",
        gets_device=False,
    ),
    "provider": Fix(
        "no-provider-services",
        "provider: {type: model}",
        ("Replace the service by a container", _EXCEPTION),
        NO_GPU,
        gets_device=False,
    ),
    "remote-include": Fix(
        "no-remote-includes",
        "include: ['oci://registry.example/shared:1']\nservices: {app: {image: a}}\n",
        ("Copy the included file into the project, and include it by its path",),
        "include: [shared.yaml]\nservices: {app: {image: a}}\n",
        gets_device=False,
    ),
    "capability": Fix(
        "no-dangerous-capabilities",
        "cap_add: [SYS_ADMIN]",
        ("Remove the capability from `cap_add`", _EXCEPTION),
        NO_GPU,
        gets_device=False,
    ),
    "namespace": Fix(
        "no-host-namespaces",
        "pid: host",
        ("Remove the key",),
        NO_GPU,
        gets_device=False,
    ),
    "profile": Fix(
        "no-unconfined-profiles",
        "security_opt: ['systempaths=unconfined']",
        ("Remove the option",),
        NO_GPU,
        gets_device=False,
    ),
}
