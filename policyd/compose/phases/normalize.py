"""Add what Compose implies: the default network, dependencies, resource names, build defaults.

In: a validated tree with absolute paths. Out: a new tree. Source: compose-go v2.16.2
loader/normalize.go, loader/environment.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policyd.compose.effort import Effort
from policyd.compose.nodes import Mark, Node, describe, nodes
from policyd.compose.phases.canonical import with_default
from policyd.compose.phases.pre_start_hooks import with_inherited_hooks
from policyd.compose.phases.validation import entries as mapping_entries
from policyd.compose.phases.validation import items
from policyd.compose.text.posix_paths import clean
from policyd.errors import ComposeError

_NAMESPACES: Final = ("network_mode", "ipc", "pid", "uts", "cgroup")
_DEPENDENT: Final = frozenset(("links", "volumes_from", *_NAMESPACES))
WORKLOADS: Final = ("services", "jobs")
"""The kinds of entries that become containers."""
_NAMED: Final = ("networks", "volumes", "configs", "secrets")


Written = dict[Mark, str]


def resolve_environment(
    root: Node, environment: Mapping[str, str], written: Written | None = None
) -> Node:
    """Return `root` with values from `environment` for names that have none.

    These are bare names in `environment` lists of services and jobs, and the content of configs.
    `written` receives the text in the file of each of them.
    """
    caller = _Caller(environment, written)
    configs = root.value.get("configs")
    if configs is not None:
        filled = {key: _content(config, caller) for key, config in configs.value.items()}
        root = _put(root, "configs", configs.with_value(filled))
    for kind in WORKLOADS:
        holder = root.value.get(kind)
        if holder is None:
            continue
        changed: dict[str, Node] = {}
        for name, entry in holder.value.items():
            variables = entry.value.get("environment") if type(entry.value) is dict else None
            if variables is not None and type(variables.value) is list:
                # Compose drops timestamps, which the schema reads as strings.
                texts = [item for item in variables.value if type(item.value) is str]
                resolved = [_resolved(item, caller) for item in texts]
                changed[name] = _put(entry, "environment", variables.with_value(resolved))
        if changed:
            root = _put(root, kind, holder.with_value({**holder.value, **changed}))
    return root


def normalize(
    root: Node,
    name: str,
    environment: Mapping[str, str],
    effort: Effort,
    written: Written | None = None,
) -> Node:
    """Return `root` with everything that the project `name` implies.

    The containers of hooks inherit from their services. `written` receives the text in the file of
    each value that comes from `environment`. Raises ComposeError.
    """
    caller = _Caller(environment, written)
    for kind in WORKLOADS:
        if kind in root.value:
            holder = root.value[kind]
            normal = {key: _workload(each, caller) for key, each in holder.value.items()}
            root = _put(root, kind, holder.with_value(normal))
    root = _default_network(root)
    for kind in _NAMED:
        if kind in root.value:
            root = _put(root, kind, _name_resources(root.value[kind], name))
    if "configs" in root.value:
        root = _put(root, "configs", _without_secrets(root.value["configs"]))
    return with_inherited_hooks(root, effort)


class _Caller:
    """The caller's environment, which gives values to names that have none."""

    def __init__(self, environment: Mapping[str, str], written: Written | None) -> None:
        self.environment = environment
        self.written: Written = {} if written is None else written

    def fill(self, node: Node, value: str) -> Node:
        """Return `node` with a value of the environment; the text in the file is remembered."""
        self.written.setdefault(node.mark, "" if node.value is None else node.value)
        return node.with_value(value)


def _content(config: Node, caller: _Caller) -> Node:
    name = config.value.get("environment") if type(config.value) is dict else None
    if name is None or name.value not in caller.environment:
        return config
    return _put(config, "content", caller.fill(name, caller.environment[name.value]))


def _put(node: Node, key: str, child: Node) -> Node:
    return node.with_value({**node.value, key: child})


def _resolved(item: Node, caller: _Caller) -> Node:
    found = caller.environment.get(item.value)
    return item if found is None else caller.fill(item, f"{item.value}={found}")


def _workload(service: Node, caller: _Caller) -> Node:
    """Return a service or job with everything that it implies."""
    entries = dict(service.value)
    policy = entries.get("pull_policy")
    if policy is not None and policy.value == "if_not_present":
        entries["pull_policy"] = policy.with_value("missing")
    if "build" in entries:
        entries["build"] = _build(entries["build"], caller)
    if "environment" in entries:
        entries["environment"] = _lookup(entries["environment"], caller, keep=True)
    if "volumes" in entries:
        entries["volumes"] = _clean_targets(entries["volumes"])
    dependencies = _dependencies(service)
    if dependencies:
        known = entries.get("depends_on", service.with_value({}))
        entries["depends_on"] = known.with_value({**dependencies, **known.value})
    if "provider" not in entries and "network_mode" not in entries:
        networks = entries.get("networks")
        if networks is None or not networks.value:
            entries["networks"] = service.with_value({"default": service.with_value(None)})
    return service.with_value(entries)


def _build(build: Node, caller: _Caller) -> Node:
    build = with_default(build, "context", ".")
    if "dockerfile" not in build.value and "dockerfile_inline" not in build.value:
        build = with_default(build, "dockerfile", "Dockerfile")
    if "args" in build.value:
        build = _put(build, "args", _lookup(build.value["args"], caller, keep=False))
    return build


def _lookup(node: Node, caller: _Caller, *, keep: bool) -> Node:
    """Return `node` with values of the caller for names that have none.

    Names without a value anywhere are kept, or dropped.
    """
    if type(node.value) is dict:
        entries: dict[str, Node] = {}
        for key, child in node.value.items():
            if child.value is not None:
                entries[key] = child
            elif key in caller.environment:
                entries[key] = caller.fill(child, caller.environment[key])
            elif keep:
                entries[key] = child
        return node.with_value(entries)
    kept: list[Node] = []
    for item in node.value:
        if type(item.value) is not str:
            continue
        item = item if "=" in item.value else _resolved(item, caller)
        if keep or "=" in item.value:
            kept.append(item)
    return node.with_value(kept)


def _dependencies(service: Node) -> dict[str, Node]:
    """Return the services that links, shared namespaces and shared volumes depend on."""
    if _DEPENDENT.isdisjoint(service.value):
        return {}
    found: dict[str, Node] = {}

    def add(name: str, at: Node, restart: bool) -> None:
        value = {"condition": "service_started", "restart": restart, "required": True}
        found.setdefault(name, nodes(value, at.mark))

    for link in items(service, "links"):
        parts = _required_text(link).split(":")
        add(parts[0] if len(parts) == 2 else link.value, link, True)
    for namespace in _NAMESPACES:
        mode = service.value.get(namespace)
        if mode is not None and _required_text(mode).startswith("service:"):
            add(mode.value.removeprefix("service:"), mode, True)
    for volume in items(service, "volumes_from"):
        if not _required_text(volume).startswith("container:"):
            add(volume.value.split(":")[0], volume, False)
    return found


def _required_text(node: Node) -> str:
    if type(node.value) is not str:
        raise ComposeError(f"expected a string, found {describe(node)}", node.location)
    return node.value


def _clean_targets(volumes: Node) -> Node:
    cleaned: list[Node] = []
    for volume in volumes.value:
        target = volume.value.get("target")
        if target is None or type(target.value) is not str:
            raise ComposeError("a volume needs a `target`", volume.location)
        path = clean(target.value)
        if path != target.value:
            volume = _put(volume, "target", target.with_value(path))
        cleaned.append(volume)
    return volumes.with_value(cleaned)


def _default_network(root: Node) -> Node:
    """Return `root` with the network `default`, where a service or job uses it."""
    networks = root.value.get("networks")
    if networks is not None and "default" in networks.value:
        return root
    entries = [each for kind in WORKLOADS for _, each in mapping_entries(root, kind)]
    if not any(map(_uses_default_network, entries)):
        return root
    known = {} if networks is None else networks.value
    holder = root.with_value(None) if networks is None else networks
    return _put(root, "networks", holder.with_value({**known, "default": root.with_value(None)}))


def _uses_default_network(entry: Node) -> bool:
    return (
        "networks" in entry.value
        and "default" in entry.value["networks"].value
        and "provider" not in entry.value
        and "network_mode" not in entry.value
    )


def _without_secrets(configs: Node) -> Node:
    """Return `configs` without contents that come from the environment: they may be secrets."""
    return configs.with_value(
        {
            key: config.with_value({k: v for k, v in config.value.items() if k != "content"})
            if "environment" in config.value
            else config
            for key, config in configs.value.items()
        }
    )


def _name_resources(resources: Node, project: str) -> Node:
    named: dict[str, Node] = {}
    for key, resource in resources.value.items():
        entries = {} if resource.value is None else resource.value
        if "name" in entries and entries["name"].value is not None:
            named[key] = resource
            continue
        external = entries.get("external")
        name = key if external is not None and external.value is True else f"{project}_{key}"
        named[key] = resource.with_value({**entries, "name": resource.with_value(name)})
    return resources.with_value(named)
