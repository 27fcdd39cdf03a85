"""The class of a mount, the kind of a disk, and the danger of a device rule."""

from __future__ import annotations

from typing import Any

import msgspec

from policyd.inventory.hosts import Host
from policyd.workloads.model import Mount, Workload
from tests.support.cases import cases
from tests.support.granting import HOST, bind, device, host, resolver, rule, service

ALL_CLASSES = {
    "pipe": [r"\\.\pipe\docker_engine", "//./pipe/docker_engine", "/pipe/containerd-containerd"],
    "root": ["/"],
    "dev": [
        "/dev", "/dev/char", "/dev/nvidia0", "/dev/dri", "/dev/vfio", "/proc/driver/nvidia/gpus",
        "/run/nvidia", "/run/nvidia/driver/dev",
    ],
    "disk": ["/dev/sda", "/dev/mem", "/dev/disk", "/dev/disk/by-id", "/dev/disk/by-id/x"],
    "engine-socket": [
        "/run", "/run/docker.sock", "/run/containerd", "/run/user", "/run/user/1000",
        "/run/user/1000/docker", "/home/ada/.docker/run/docker.sock",
        "/run/host-services/docker.proxy.sock", "/run/docker", "/run/docker/containerd",
        "/run/docker/containerd/containerd.sock", "/home/ada/.docker/run",
        "/home/ada/.docker/desktop", "/run/k0s", "/run/nri", "/run/nri/nri.sock",
        "/run/containerd/containerd.sock.ttrpc", "/run/balena-engine.sock", "/run/dockershim.sock",
        "/run/docker/swarm", "/run/docker/swarm/control.sock", "/run/user/1000/containerd",
        "/run/user/1000/buildkit", "/var/snap/docker", "/var/snap/microk8s/common/run",
        "/home/ada/.colima", "/home/ada/.colima/default", "/home/ada/.rd",
        "/home/ada/.orbstack/run",
        "/home/ada/.lima/default/sock", "/home/ada/.local/share/containers/podman/machine",
    ],
    "service-socket": [
        "/run/dbus", "/run/dbus/system_bus_socket", "/run/systemd", "/run/systemd/private",
        "/run/user/1000/bus", "/run/user/0/systemd", "/run/user/1000/systemd/private",
        "/run/libvirt", "/run/libvirt/libvirt-sock", "/var/lib/lxd", "/var/lib/lxd/unix.socket",
        "/var/snap/lxd/common/lxd", "/var/snap/lxd/common/lxd/unix.socket", "/var/lib/incus",
        "/var/lib/incus/unix.socket", "/run/snapd.socket", "/var/snap/lxd", "/run/incus",
        "/run/incus/unix.socket", "/run/libvirt/virtqemud-sock",
    ],
    "proc-sys": ["/proc", "/proc/sys/kernel/core_pattern", "/sys", "/sys/fs/cgroup"],
    "runtime-config": [
        "/etc/cdi", "/run/cdi/x.yaml", "/etc/docker", "/var/lib/docker/volumes",
        "/etc/kubernetes/manifests", "/etc/nvidia-container-runtime/config.toml",
        "/var/lib/kubelet", "/usr/local/nvidia/toolkit", "/etc/crio", "/etc", "/var", "/var/lib",
        "/usr", "/usr/share", "/usr/share/containers", "/usr/share/containers/oci", "/usr/local",
        "/usr/local/nvidia", "/run/containerd/io.containerd.runtime.v2.task/moby", "/run/runc",
        "/run/docker/plugins/x.sock", "/etc/nri", "/etc/cni/net.d", "/var/lib/k0s", "/var/snap",
        "/var/lib/rancher/k3s/server/manifests",
    ],
    "system": [
        "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/sbin/runc", "/bin/sh",
        "/usr/bin/containerd-shim-runc-v2", "/usr/bin/nvidia-ctk", "/sbin/init", "/usr/bin/vi",
        "/usr/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libc-2.31.so",
        "/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu/libpam.so.0.85.1",
        "/usr/lib/python3.11", "/usr/lib/python3/dist-packages/x.py", "/etc/environment",
        "/etc/alternatives/editor", "/etc/default/docker", "/var/lib/dpkg/info",
        "/bin", "/sbin", "/lib", "/lib64", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64",
        "/usr/libexec", "/usr/local/bin", "/usr/local/sbin", "/usr/local/lib", "/root", "/boot",
        "/boot/grub/grub.cfg", "/lib/modules", "/lib/modules/6.8.0",
        "/etc/systemd/system/x.service", "/usr/lib/systemd", "/etc/cron.d/job", "/etc/crontab",
        "/var/spool/cron/crontabs", "/etc/passwd", "/etc/shadow", "/etc/sudoers.d/x",
        "/etc/ssh/sshd_config", "/etc/ld.so.preload", "/etc/profile.d", "/etc/udev/rules.d",
        "/lib/udev", "/etc/modprobe.d", "/etc/init.d/x", "/etc/rc.local",
        "/root/.ssh/authorized_keys", "/root/.bashrc", "/run/systemd/system",
        "/run/systemd/transient/x.service", "/root/.profile", "/home/ada/.ssh",
        "/home/ada/.ssh/authorized_keys", "/home/ada/.bashrc", "/home/ada/.config/systemd/user",
        "/home/ada/.docker/cli-plugins", "/etc/tmpfiles.d", "/usr/lib/tmpfiles.d/x.conf",
        "/run/udev/rules.d", "/run/systemd/generator", "/etc/fstab", "/etc/netplan", "/etc/rc2.d/x",
        "/usr/lib/x86_64-linux-gnu/security", "/lib64/security/pam_unix.so", "/usr/share/polkit-1",
        "/opt/cni/bin", "/opt/containerd", "/opt/nri/plugins", "/usr/libexec/docker/cli-plugins",
        "/usr/libexec/oci/hooks.d", "/usr/local/bin/backup", "/usr/local/lib/python3.11",
        "/var/spool/at", "/etc/yum.repos.d",
    ],
    "": [
        "/srv", "/home/ada", "/dev/null", "/dev/shm", "/dev/urandom", "/dev/bus/usb",
        "/usr/bin/nvidia-smi", "/usr/bin/rocm-smi", "/usr/sbin/npu-smi", "/etc/defaults",
        "/usr/lib/x86_64-linux-gnu/libcudart.so.13", "/usr/lib/x86_64-linux-gnu/libmlx5.so.1",
        "/usr/lib/nvidia", "/run/nvidia/mps", "/run/systemd/journal",
        "/run/systemd/journal/socket", "/run/systemd/resolve/stub-resolv.conf", "/run/udev",
        "/run/user/1000/pulse", "/run/user/1000/pulse/native", "/run/user/ada/bus",
        "/run/user/1000/bus2", "/run/dbus/other", "/var/lib/lxd/storage-pools", "/srv/run/dbus",
        "/run/avahi-daemon/socket", "/processing", "/system", "/root/.cache", "/root/models",
        "/usr/local/bin/npu-smi", "/usr/lib/x86_64-linux-gnu/libcuda.so.1", "/usr/local/cuda",
        "/usr/src", "/usr/share/zoneinfo", "/usr/lib/firmware", "/etc/localtime", "/etc/hosts",
        "/etc/passwd-", "/etc/sshd", "/bootstrap", "/binary", "/var/spool", "/etc/cron", "/libs",
        "/home/ada/.docker", "/home/ada/.docker/config.json", "/run/docker/netns",
        "/home/ada/.sshd", "/home/ada/.config", "/home/ada/.config/app", "/home/ada/.cache/x",
        "/srv/ada/.bashrc", "/home", "/opt", "/opt/app", "/etc/nginx", "/etc/letsencrypt",
        "/etc/timezone", "/etc/ssl", "/var/lib/ranch", "/home/ada/.ollama", "/run/user/1000/app",
        "/etc/docker-compose", "/var/lib/x", "/var/log", "/project/docker.sock",
    ],
}  # fmt: skip
OTHER_DISKS = (
    "ng0n1", "bsg", "raw/raw1", "root", "zd0", "zvol/tank/x", "rbd0", "nbd0", "drbd1", "bcache0",
    "pmem0", "dax0.0", "mtdblock0", "zram0", "dasda1", "cciss/c0d0", "vg0/root", "vg_data/x",
    "ubuntu-vg", "ubuntu-vg/ubuntu-lv", "pve/root", "char/21:0",
)  # fmt: skip
NO_DISKS = ("vga_arbiter", "sr0", "st0", "dvb/adapter0", "rfkill", "rtc0", "char/10:200", "rooted")
WHATEVER_THE_MODE = ("pipe", "root", "dev", "engine-socket", "service-socket")


def described(known: Host | None = None, **fields: Any) -> Workload:
    """Return the service app with what it reaches on the host."""
    workload = service(project_directory="/project", **fields)
    return resolver(known).resolve((workload,), HOST)[0]


def class_of(mount: Mount, known: Host | None = None) -> str:
    """Return the class of the only mount of a service."""
    return described(known, mounts=(mount,)).mounts[0].host_class


@cases("expected", ALL_CLASSES)
def test_writable_mount_has_a_class(expected: str) -> None:
    found = {source: class_of(bind(source)) for source in ALL_CLASSES[expected]}

    assert found == dict.fromkeys(ALL_CLASSES[expected], expected)


@cases("kind", ALL_CLASSES)
def test_read_only_does_not_protect_devices_and_sockets(kind: str) -> None:
    found = {source: class_of(bind(source, read_only=True)) for source in ALL_CLASSES[kind]}

    if kind == "disk":
        links = ("/dev/disk", "/dev/disk/by-id")
        assert found == {source: "" if source in links else "disk" for source in found}
    else:
        assert found == dict.fromkeys(found, kind if kind in WHATEVER_THE_MODE else "")


def test_named_volume_has_no_class() -> None:
    volume = msgspec.structs.replace(bind("/dev"), type="volume")

    assert class_of(volume) == ""


def test_volume_on_a_disk_is_a_disk() -> None:
    disk = msgspec.structs.replace(bind("/dev/sdb1"), type="filesystem", fstype="ext4")
    share = msgspec.structs.replace(bind(":/export"), type="filesystem", fstype="nfs")

    (mount,) = described(mounts=(disk,)).mounts
    assert (mount.host_class, mount.disk) == ("disk", "a disk")
    assert class_of(share) == ""


def test_volume_with_a_file_system_of_any_device_is_a_disk() -> None:
    for source, fstype, expected in (
        ("/dev/some-controller/x", "xfs", "disk"),
        ("rpool/ROOT", "zfs", "disk"),
        ("/srv/disk.img", "ext4", ""),
        ("tmpfs", "tmpfs", ""),
    ):
        mount = msgspec.structs.replace(bind(source), type="filesystem", fstype=fstype)
        assert class_of(mount) == expected, source


def test_volume_request_is_told_apart() -> None:
    for target, request in (
        ("/var/run/nvidia-container-devices/0", "0"),
        ("/var/run/nvidia-container-devices/imex/0", "imex/0"),
        ("/var/run/nvidia-container-devices0", "0"),
    ):
        (mount,) = described(mounts=(bind("/dev/null", target),)).mounts
        assert (mount.host_class, mount.request) == ("volume-request", request)
    for other in (
        bind("/srv/null", "/var/run/nvidia-container-devices/0"),
        bind("/dev/null", "/run/nvidia-container-devices/0"),
        bind("/dev/null", "/var/run/nvidia-container-devices"),
    ):
        (mount,) = described(mounts=(other,)).mounts
        assert (mount.host_class, mount.request) == ("", "")


def test_usb_bus_is_a_device_on_a_host_with_accelerators_there() -> None:
    assert class_of(bind("/dev/bus/usb"), host(usb_accelerators=True)) == "dev"


@cases(
    ("node", "kind"),
    [
        ("/dev/mem", "physical memory"),
        ("/dev/char/1:2", "physical memory"),
        ("/dev/sda1", "a disk"),
        ("/dev/nvme0n1", "a disk"),
        ("/dev/mapper/vg-root", "a disk"),
        ("/dev/disk/by-id/x", "a disk"),
        ("/dev/sg0", "a disk"),
        ("/dev/vda1", "a disk"),
        ("/dev/vdaa", "a disk"),
        ("/dev/vd", "a disk"),
        *((f"/dev/{name}", "a disk") for name in OTHER_DISKS),
        *((f"/dev/{name}", "") for name in NO_DISKS),
        ("/dev/uio0", "physical memory"),
        ("/dev/core", "physical memory"),
        ("/dev/vdavinci100", ""),
        ("/dev", "every disk"),
        ("/", "every disk"),
        ("/dev/null", ""),
        ("/dev/snd", ""),
    ],
)
def test_disks_and_memory_among_devices_have_a_kind(node: str, kind: str) -> None:
    assert described(devices=(device(node),)).devices[0].disk == kind


@cases(
    ("text", "reason"),
    [
        ("c 195:* rwm", "it covers an accelerator major"),
        ("c 0226:128 m", "it covers an accelerator major"),
        ("c *:* r", "it covers every character device"),
        ("a *:* rwm", "it covers every device"),
        ("b 8:0 r", "it covers block devices"),
        ("c 234:* rw", "it covers a dynamic major, as accelerators have"),
        ("c 511:0 rw", "it covers a dynamic major, as accelerators have"),
        ("c 10:196 rw", "it covers VFIO"),
        ("c 1:1 r", "it covers physical memory"),
        ("c 21:* rwm", "it covers disks, to which the device passes commands"),
        ("c 195:*", "it is malformed"),
        ("c 195:* rwx", "it is malformed"),
        ("c 188:* rwm", ""),
        ("c 189:* rw", ""),
        ("c 116:* rw", ""),
        ("c 10:200 rw", ""),
        ("c 1:3 rw", ""),
        ("c 255:0 rw", ""),
        ("c 383:0 rw", ""),
        ("c 512:0 r", ""),
        ("c 2340:0 r", ""),
    ],
)
def test_dangerous_device_rules_have_a_reason(text: str, reason: str) -> None:
    assert described(device_cgroup_rules=(rule(text),)).device_cgroup_rules[0].danger == reason


def test_rule_of_the_usb_bus_is_dangerous_on_a_host_with_accelerators_there() -> None:
    workload = described(host(usb_accelerators=True), device_cgroup_rules=(rule("c 189:* rw"),))

    assert workload.device_cgroup_rules[0].danger == (
        "it covers the USB bus, which has accelerators on this host"
    )
