"""Fixes of the policies of the pack gpu."""

from __future__ import annotations

from typing import Final

from tests.support.fixes.model import AMD_0, GPUS_0, NO_GPU, NVIDIA_0, RESERVATION, Fix

_CUDA: Final = "image: nvidia/cuda:12.4.1-base-ubuntu22.04"
_IMAGE_SAYS: Final = ("Declare the GPU as a reservation", "`NVIDIA_VISIBLE_DEVICES: void`")

FIXES: Final = {
    "image": Fix("no-all-gpus", _CUDA, _IMAGE_SAYS, f"{_CUDA}\n    {NVIDIA_0}", host="nvidia"),
    "image-without-a-gpu": Fix(
        "no-all-gpus",
        _CUDA,
        _IMAGE_SAYS,
        f"{_CUDA}\n    environment: {{NVIDIA_VISIBLE_DEVICES: void}}",
        gets_device=False,
        host="nvidia",
    ),
    "image-by-environment": Fix(
        "no-gpu-via-environment",
        _CUDA,
        _IMAGE_SAYS,
        f"{_CUDA}\n    {NVIDIA_0}",
        host="nvidia",
    ),
    "reservation-nvidia": Fix(
        "no-all-gpus",
        RESERVATION % "{driver: nvidia, count: all, capabilities: [gpu]}",
        ("`device_ids: ['0']` with `driver: nvidia`",),
        NVIDIA_0,
    ),
    "reservation-amd": Fix(
        "no-all-gpus",
        RESERVATION % "{driver: amd, device_ids: [all], capabilities: [gpu]}",
        ("`device_ids: ['0']` with `driver: amd`",),
        AMD_0,
    ),
    "gpus-without-driver": Fix(
        "no-all-gpus",
        "gpus: all",
        ("`device_ids: ['0']` with `driver: nvidia`",),
        "gpus: [{driver: nvidia, device_ids: ['0']}]",
    ),
    "unknown-driver": Fix(
        "no-all-gpus",
        RESERVATION % "{driver: acme, count: all, capabilities: [gpu]}",
        ("CDI name", "`devices:`", "exception"),
        "devices: [intel.com/gpu=0]",
    ),
    "cdi-reservation": Fix(
        "no-all-gpus",
        RESERVATION % "{driver: cdi, device_ids: [nvidia.com/gpu=all], capabilities: [gpu]}",
        ("in the same entry: `device_ids: ['nvidia.com/gpu=0']`",),
        RESERVATION % "{driver: cdi, device_ids: ['nvidia.com/gpu=0'], capabilities: [gpu]}",
    ),
    "runtime-beside-a-reservation": Fix(
        "no-all-gpus", f"runtime: nvidia\n    {NVIDIA_0}", ("Remove `runtime:`",), NVIDIA_0
    ),
    "runtime-nvidia": Fix(
        "no-all-gpus",
        "runtime: nvidia",
        ("Replace `runtime:` with a reservation", "Jetson", "exception"),
        NVIDIA_0,
    ),
    "environment-nvidia-all": Fix(
        "no-all-gpus",
        "environment: {NVIDIA_VISIBLE_DEVICES: all}",
        ("Remove the variable", "a reservation: `driver: nvidia` with `device_ids: ['0']`"),
        NVIDIA_0,
    ),
    "volume-request": Fix(
        "no-all-gpus",
        "volumes: ['/dev/null:/var/run/nvidia-container-devices/all']",
        ("Remove the mount", "`driver: nvidia` with `device_ids: ['0']`"),
        NVIDIA_0,
    ),
    "no-nvidia-runtime": Fix(
        "no-nvidia-runtime",
        "runtime: nvidia\n    environment: {NVIDIA_VISIBLE_DEVICES: '0'}",
        ("Replace `runtime:` with a reservation",),
        NVIDIA_0,
    ),
    "no-nvidia-runtime-beside-a-reservation": Fix(
        "no-nvidia-runtime", f"runtime: nvidia\n    {NVIDIA_0}", ("Remove `runtime:`",), NVIDIA_0
    ),
    "no-nvidia-runtime-jetson": Fix(
        "no-nvidia-runtime",
        "image: dustynv/l4t-pytorch:r36\n    runtime: nvidia\n"
        "    environment: {NVIDIA_VISIBLE_DEVICES: '0'}",
        ("On a Jetson the runtime is the only way", "`paths: ['services/app/runtime']`"),
    ),
    "no-unvetted-runtime-amd": Fix(
        "no-unvetted-runtime",
        "runtime: amd\n    environment: {AMD_VISIBLE_DEVICES: '0'}",
        ("Replace `runtime:`", "`driver: amd` with `device_ids: ['0']`"),
        AMD_0,
    ),
    "environment-nvidia": Fix(
        "no-gpu-via-environment",
        "environment: {NVIDIA_VISIBLE_DEVICES: '1'}",
        ("Remove the variable", "`driver: nvidia`", "`NVIDIA_VISIBLE_DEVICES: void`"),
        NVIDIA_0,
    ),
    "legacy-image": Fix(
        "no-gpu-via-environment",
        "environment: {CUDA_VERSION: '12.4'}",
        ("Declare the GPU as a reservation", "`NVIDIA_VISIBLE_DEVICES: void`"),
        f"environment: {{CUDA_VERSION: '12.4'}}\n    {NVIDIA_0}",
    ),
    "environment-amd": Fix(
        "no-gpu-via-environment",
        "environment: {AMD_VISIBLE_DEVICES: '0'}",
        ("Remove the variable", "`driver: amd` with `device_ids: ['0']`", "amd.com/gpu=0"),
        "devices: ['amd.com/gpu=0']",
    ),
    "volume-request-of-one": Fix(
        "no-gpu-via-volume-request",
        "volumes: ['/dev/null:/var/run/nvidia-container-devices/0']",
        ("Remove the mount", "`driver: nvidia`"),
        NVIDIA_0,
    ),
    "require-gpu-driver": Fix(
        "require-gpu-driver",
        RESERVATION % "{count: 1, capabilities: [gpu]}",
        ("Add `driver: nvidia`",),
        RESERVATION % "{driver: nvidia, count: 1, capabilities: [gpu]}",
    ),
    "known-driver": Fix(
        "known-accelerator-vendor",
        RESERVATION % "{driver: acme, count: 1, capabilities: [gpu]}",
        ("CDI name of a known vendor in `devices:`", "exception"),
        "devices: ['amd.com/gpu=0']",
    ),
    "node-nvidia": Fix(
        "no-raw-device-nodes",
        "devices: [/dev/nvidia0]",
        ("`driver: nvidia` with `device_ids: ['0']`",),
        NVIDIA_0,
    ),
    "node-amd": Fix(
        "no-raw-device-nodes",
        "devices: [/dev/kfd, /dev/dri]",
        ("`driver: amd` with `device_ids: ['0']`", "`devices: ['amd.com/gpu=0']`"),
        AMD_0,
    ),
    "node-dri": Fix(
        "no-raw-device-nodes",
        "devices: [/dev/dri/renderD128]",
        ("`intel.com/gpu=…`", "exception"),
        "devices: ['intel.com/gpu=0']",
    ),
    "node-ascend": Fix(
        "no-raw-device-nodes",
        "devices: [/dev/davinci0]",
        ("`runtime: ascend` and `ASCEND_VISIBLE_DEVICES: '0'`", "exception"),
        replaced="runtime: ascend\n    environment: {ASCEND_VISIBLE_DEVICES: '0'}",
    ),
    "node-folder": Fix(
        "no-raw-device-nodes",
        "devices: [/dev]",
        ("Remove the folder", "`driver: nvidia` with `device_ids: ['0']`", "exception"),
        NVIDIA_0,
    ),
    "node-wsl": Fix(
        "no-raw-device-nodes",
        "devices: [/dev/dxg]",
        ("Nothing replaces this device node", "`paths: ['services/app/devices/**']`"),
    ),
    "mount-nvidia": Fix(
        "no-host-dev-mounts",
        "volumes: ['/dev/nvidia0:/dev/nvidia0']",
        ("Replace the mount", "`driver: nvidia`"),
        NVIDIA_0,
    ),
    "mount-hailo": Fix(
        "no-host-dev-mounts",
        "volumes: ['/dev/hailo0:/dev/hailo0']",
        ("Nothing replaces this mount", "`paths: ['services/app/volumes/**']`"),
    ),
    "gpus-nvidia": Fix(
        "no-all-gpus",
        "gpus: [{driver: nvidia, count: all}]",
        ("`device_ids: ['0']` with `driver: nvidia`",),
        GPUS_0,
    ),
    "gpus-unknown-driver": Fix(
        "no-all-gpus",
        "gpus: [{driver: acme, count: all}]",
        ("CDI name", "`devices:`", "exception"),
        "devices: [intel.com/gpu=0]",
    ),
    "gpus-amd": Fix(
        "no-all-gpus",
        "gpus: [{driver: amd, device_ids: [all]}]",
        ("`device_ids: ['0']` with `driver: amd`",),
        "gpus: [{driver: amd, device_ids: ['0']}]",
    ),
    "gpus-of-a-hook": Fix(
        "no-all-gpus",
        "pre_start: [{command: [a], image: b, environment: {NVIDIA_VISIBLE_DEVICES: all}}]",
        ("an entry of `gpus:`: `driver: nvidia` with `device_ids: ['0']`",),
        f"pre_start: [{{command: [a], image: b, {GPUS_0}}}]",
    ),
    "runtime-amd-all": Fix(
        "no-all-gpus",
        "runtime: amd",
        ("`AMD_VISIBLE_DEVICES: '0'`",),
        "runtime: amd\n    environment: {AMD_VISIBLE_DEVICES: '0'}",
        remains=("no-unvetted-runtime",),
    ),
    "environment-amd-all": Fix(
        "no-all-gpus",
        "environment: {AMD_VISIBLE_DEVICES: all}",
        ("`AMD_VISIBLE_DEVICES: '0'`",),
        "environment: {AMD_VISIBLE_DEVICES: '0'}",
        remains=("no-gpu-via-environment",),
    ),
    "legacy-image-all": Fix(
        "no-all-gpus",
        "environment: {CUDA_VERSION: '12.4'}",
        ("Declare the GPU as a reservation", "`NVIDIA_VISIBLE_DEVICES: void`"),
        "environment: {CUDA_VERSION: '12.4', NVIDIA_VISIBLE_DEVICES: void}",
        gets_device=False,
    ),
    "dockerfile-nvidia": Fix(
        "no-gpu-via-environment",
        'build: {context: ., dockerfile_inline: "FROM alpine\\nENV NVIDIA_VISIBLE_DEVICES=0"}',
        ("Remove the variable", "`driver: nvidia`"),
        f'build: {{context: ., dockerfile_inline: "FROM alpine"}}\n    {NVIDIA_0}',
    ),
    "dockerfile-habana": Fix(
        "no-gpu-via-environment",
        'build: {context: ., dockerfile_inline: "FROM alpine\\nENV HABANA_VISIBLE_DEVICES=0"}',
        ("`paths: ['services/app/build/dockerfile_inline']`",),
    ),
    "no-unvetted-runtime-unknown": Fix(
        "no-unvetted-runtime",
        "runtime: fast",
        ("Remove `runtime:`",),
        NO_GPU,
        gets_device=False,
    ),
    "require-gpu-driver-amd": Fix(
        "require-gpu-driver",
        RESERVATION % "{count: 1, capabilities: [amd]}",
        ("Add `driver: amd`",),
        RESERVATION % "{driver: amd, count: 1, capabilities: [amd]}",
    ),
    "known-vendor-cdi": Fix(
        "known-accelerator-vendor",
        "devices: [acme.example/npu=0]",
        ("`policyd.tables.cdi_vendors`", "`paths: ['services/app/devices/0']`"),
    ),
    "mount-amd": Fix(
        "no-host-dev-mounts",
        "volumes: ['/dev/kfd:/dev/kfd']",
        ("Replace the mount", "`driver: amd` with `device_ids: ['0']`"),
        AMD_0,
    ),
    "mount-dri": Fix(
        "no-host-dev-mounts",
        "volumes: ['/dev/dri:/dev/dri']",
        ("`intel.com/gpu=…`", "exception"),
        "devices: ['intel.com/gpu=0']",
    ),
    "mount-ascend": Fix(
        "no-host-dev-mounts",
        "volumes: ['/dev/davinci0:/dev/davinci0']",
        ("`runtime: ascend` and `ASCEND_VISIBLE_DEVICES: '0'`", "exception"),
        replaced="runtime: ascend\n    environment: {ASCEND_VISIBLE_DEVICES: '0'}",
    ),
    "mount-gaudi": Fix(
        "no-host-dev-mounts",
        "volumes: ['/dev/accel/accel0:/dev/accel/accel0']",
        ("Nothing replaces this mount", "`paths: ['services/app/volumes/**']`"),
    ),
    "mount-coral": Fix(
        "no-host-dev-mounts",
        "volumes: ['/dev/apex_0:/dev/apex_0']",
        ("Nothing replaces this mount", "`paths: ['services/app/volumes/**']`"),
    ),
    "mount-folder": Fix(
        "no-host-dev-mounts",
        "volumes: ['/dev:/dev']",
        ("Remove the folder", "`driver: nvidia` with `device_ids: ['0']`"),
        NVIDIA_0,
    ),
    "mount-driver": Fix(
        "no-host-dev-mounts",
        "volumes: ['/run/nvidia/driver:/driver']",
        ("Replace the mount", "`driver: nvidia` with `device_ids: ['0']`"),
        NVIDIA_0,
    ),
    "node-gaudi": Fix(
        "no-raw-device-nodes",
        "devices: [/dev/accel/accel0]",
        ("Nothing replaces this device node", "`paths: ['services/app/devices/**']`"),
    ),
    "node-coral": Fix(
        "no-raw-device-nodes",
        "devices: [/dev/apex_0]",
        ("Nothing replaces this device node", "`paths: ['services/app/devices/**']`"),
    ),
    "admin-variable": Fix(
        "no-gpu-admin-features",
        "environment: {NVIDIA_MIG_CONFIG_DEVICES: all}",
        ("Remove the variable or the mount",),
        NO_GPU,
        gets_device=False,
    ),
    "admin-mount": Fix(
        "no-gpu-admin-features",
        "volumes: ['/dev/null:/var/run/nvidia-container-devices/imex/0']",
        ("Remove the variable or the mount",),
        NO_GPU,
        gets_device=False,
    ),
}
