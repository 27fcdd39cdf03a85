"""List which files of the host and which volumes each container sees.

In: the loaded model. Out: the mounts of each container, including those of the services that it
names in `volumes_from`. Source: docker/compose 5.7 pkg/compose/create.go, moby volume/local,
mount(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from policyd.compose.text.posix_paths import clean
from policyd.errors import ComposeError
from policyd.lazy_pattern import lazy_pattern
from policyd.model import Path
from policyd.workloads.containers import Container, hooks_of, services_and_jobs
from policyd.workloads.host_paths import host_path
from policyd.workloads.model import (
    Mount,
)
from policyd.workloads.values import Tree, entries, flag, items, mapping, pairs, text, texts

Origin = Literal["volumes", "driver_opts", "secrets", "configs", "volumes_from"]
FileKind = Literal["secrets", "configs"]

MAX_INHERITED: Final = 100_000
"""How many mounts `volumes_from` may add in a project, counting each service on the way."""

_API_SOCKET: Final = "/var/run/docker.sock"
_FILES: Final[tuple[tuple[FileKind, str], ...]] = (("secrets", "/run/secrets/"), ("configs", "/"))

# Kernel filesystems show the same content wherever they are mounted: these are the usual places.
_KERNEL_FILESYSTEMS: Final = {
    "devtmpfs": "/dev",
    "proc": "/proc",
    "sysfs": "/sys",
    "cgroup": "/sys/fs/cgroup",
    "cgroup2": "/sys/fs/cgroup",
    "bpf": "/sys/fs/bpf",
    "configfs": "/sys/kernel/config",
    "debugfs": "/sys/kernel/debug",
    "securityfs": "/sys/kernel/security",
    "tracefs": "/sys/kernel/tracing",
    "cpuset": "/sys/fs/cgroup",
    "binfmt_misc": "/proc/sys/fs/binfmt_misc",
    "efivarfs": "/sys/firmware/efi/efivars",
    "fusectl": "/sys/fs/fuse/connections",
    "nfsd": "/proc/fs/nfsd",
    "pstore": "/sys/fs/pstore",
    "resctrl": "/sys/fs/resctrl",
    "selinuxfs": "/sys/fs/selinux",
    "smackfs": "/sys/fs/smackfs",
    "xenfs": "/proc/xen",
}
_ABOVE_MOUNTS: Final = frozenset(
    ("/proc", "/proc/sys", "/proc/sys/fs", "/sys", "/sys/firmware", "/sys/firmware/efi", "/sys/fs",
     "/sys/kernel")
)  # fmt: skip
"""Folders of the kernel below which every host has mounts that a read-only mount may not cover."""
OVERLAYS: Final = ("overlay", "overlayfs")
STACKED: Final = ("shiftfs", "ecryptfs")
"""File systems that show the folder that their device names."""
_WITHOUT_DEVICE: Final = ("tmpfs", "ramfs", "nfs", "nfs4", "cifs", "smb3")

_OPTION: Final = lazy_pattern(r"(?:\\.|[^\\,])+", re.DOTALL)
_LAYER: Final = lazy_pattern(r"(?:\\.|[^\\:])+", re.DOTALL)
_ESCAPED: Final = lazy_pattern(r"\\(.)", re.DOTALL)


def mounts_by_container(tree: Tree) -> dict[Path, tuple[Mount, ...]]:
    """Return the mounts of each container of `tree` by its model path, in the order of the model.

    A pre_start hook has only those that it declares itself. Raises ComposeError when `volumes_from`
    multiplies mounts beyond MAX_INHERITED.
    """
    holders = {each.service: each for each in services_and_jobs(tree)}
    own = {name: tuple(_own_mounts(tree, each)) for name, each in holders.items()}
    budget = MAX_INHERITED
    found: dict[Path, tuple[Mount, ...]] = {}
    for holder in holders.values():
        for each in (holder, *hooks_of(holder)):
            inherited: list[Mount] = []
            for mount in _inherited(each, holders, own):
                budget -= 1
                if budget < 0:
                    raise ComposeError(
                        f"{'.'.join(map(str, each.path))}.volumes_from: containers take over more "
                        f"than {MAX_INHERITED} mounts from each other"
                    )
                if mount is not None:
                    inherited.append(mount)
            declared = own[each.service] if each is holder else tuple(_own_mounts(tree, each))
            found[each.path] = (*declared, *inherited)
    return found


def _inherited(
    container: Container, holders: dict[str, Container], own: dict[str, tuple[Mount, ...]]
) -> Iterator[Mount | None]:
    """Yield the mounts that `volumes_from` brings to a container, and None for each step there."""
    seen = {container.name}
    for place, reference in items(container.keys, "volumes_from"):
        path = (*container.path, "volumes_from", place)
        waiting = [reference]
        while waiting:
            yield None
            other = str(waiting.pop()).split(":")[0]
            if other in seen or other not in own or other == "container":
                continue
            seen.add(other)
            keys = holders[other].keys
            for mount in own[other]:
                yield msgspec.structs.replace(mount, origin="volumes_from", path=path)
            if flag(keys, "use_api_socket"):
                yield _bind(_API_SOCKET, _API_SOCKET, False, "volumes_from", path)
            waiting += reversed(texts(keys, "volumes_from"))


def _own_mounts(tree: Tree, container: Container) -> Iterator[Mount]:
    keys, path = container.keys, container.path
    for place, volume in entries(keys, "volumes"):
        yield from _volume(tree, volume, (*path, "volumes", place))
    for kind, directory in _FILES:
        for place, reference in entries(keys, kind):
            source = text(reference, "source")
            file = text(mapping(tree, kind, source), "file")
            if file:
                target = text(reference, "target") or source
                target = target if target.startswith("/") else directory + target
                yield _bind(clean(file), target, True, kind, (*path, kind, place))


def _bind(
    source: str, target: str, read_only: bool, origin: Origin, path: Path, volume: str = ""
) -> Mount:
    """Return a bind of `source`; a path of a Windows host stays as it is written."""
    return Mount(
        type="bind",
        source=host_path(source) if source.startswith("/") else source,
        source_raw=clean(source),
        target=_target(target),
        read_only=read_only,
        origin=origin,
        path=path,
        volume=volume,
    )


def _target(target: str) -> str:
    return clean(target) if target else ""


def _volume(tree: Tree, volume: Tree, path: Path) -> Iterator[Mount]:
    kind, source, target = text(volume, "type"), text(volume, "source"), text(volume, "target")
    read_only = flag(volume, "read_only")
    if kind == "bind":
        found = _bind(clean(source), target, read_only, "volumes", path)
        options = mapping(volume, "bind")
        is_partial = text(options, "recursive") == "writable" and found.source in _ABOVE_MOUNTS
        yield msgspec.structs.replace(
            found,
            propagation=text(options, "propagation"),
            read_only=read_only and not is_partial,
        )
    elif kind == "volume" and source:
        subpath = text(mapping(volume, "volume"), "subpath")
        mount = Mount(kind, source, source, _target(target), read_only, "volumes", path, source)
        yield from _named_volume(mapping(tree, "volumes", source), mount, subpath)
    else:
        yield Mount(kind, source, source, _target(target), read_only, "volumes", path)


def _named_volume(definition: Tree, mount: Mount, subpath: str) -> Iterator[Mount]:
    """Yield what the local driver mounts for a volume, or `mount` if it only keeps a directory."""
    name = text(definition, "name") or mount.volume
    plain = msgspec.structs.replace(mount, source=name, source_raw=name)
    options = pairs(definition, "driver_opts")
    if name.startswith("/"):
        yield _bind(clean(name), mount.target, mount.read_only, "volumes", mount.path, mount.volume)
    elif flag(definition, "external") or text(definition, "driver") not in ("", "local"):
        yield plain
    else:
        yield from _local_volume(options, plain, "/" + clean("/" + subpath)[1:])


def _local_volume(options: dict[str, str], mount: Mount, below: str) -> Iterator[Mount]:
    fstype, device, option_text = (options.get(key, "") for key in ("type", "device", "o"))
    words = option_text.split(",")
    read_only = mount.read_only or _is_read_only(words)

    def bind(source: str, is_layer: bool = False) -> Mount:
        path = f"/{source}{below}"
        is_partial = not mount.read_only and "rbind" in words and host_path(path) in _ABOVE_MOUNTS
        is_covered = (read_only and not is_partial) or is_layer
        found = _bind(path, mount.target, is_covered, "driver_opts", mount.path, mount.volume)
        return msgspec.structs.replace(found, source_raw=clean(path))

    if "bind" in words or "rbind" in words or fstype in ("", "none", "bind", *STACKED):
        yield bind(device) if device else mount
    elif fstype in _KERNEL_FILESYSTEMS:
        yield bind(_KERNEL_FILESYSTEMS[fstype])
    elif fstype in OVERLAYS:
        layers = [bind(layer, is_lower) for layer, is_lower in _overlay_layers(option_text)]
        yield from layers or [mount]
    else:
        is_path = device and fstype not in _WITHOUT_DEVICE
        yield msgspec.structs.replace(
            mount,
            type="filesystem",
            source=host_path(device) if is_path else device,
            source_raw=device,
            read_only=read_only,
            origin="driver_opts",
            fstype=fstype,
        )


def _is_read_only(words: list[str]) -> bool:
    said = [word for word in words if word in ("ro", "rw")]
    return said[-1:] == ["ro"]


def _overlay_layers(options: str) -> Iterator[tuple[str, bool]]:
    """Yield the directories of an overlay, and whether each is a lower, read-only layer."""
    for option in _OPTION.findall(options):
        name, _, value = option.partition("=")
        if name in ("lowerdir", "lowerdir+", "datadir+"):
            for layer in _LAYER.findall(value):
                yield _ESCAPED.sub(r"\1", layer), True
        elif name == "upperdir":
            yield _ESCAPED.sub(r"\1", value), False
