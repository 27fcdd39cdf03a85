"""Make the relative paths of a tree absolute.

In: a tree of long forms and the directory that relative paths are relative to. Out: a new tree. The
table of fields says which field holds which kind of path. Source: compose-go v2.16.2 paths/*.go.
"""

from __future__ import annotations

from typing import Final

from policyd.compose.context import LoadContext
from policyd.compose.node_error import NodeError
from policyd.compose.nodes import Node, describe
from policyd.compose.phases.remote import is_remote, is_remote_context
from policyd.compose.table.field import Field, Rules, rewrite
from policyd.compose.table.rules import implementing
from policyd.compose.text.posix_paths import join
from policyd.lazy_pattern import lazy_pattern

_WINDOWS: Final = lazy_pattern(r"(?s)(?:.:[\\/]|\\[\\/]|\\\?\?[\\/][^\\/]*[\\/])")
"""A path that is absolute on Windows. It is left unchanged."""


def resolve_paths(root: Node, field: Field, directory: str, context: LoadContext) -> Node:
    """Return `root` with paths relative to `directory` joined to it. Raises ComposeError."""
    resolver = _Resolver(directory, context)
    return rewrite(root, field, "path", resolver.rules)


class _Resolver:
    def __init__(self, directory: str, context: LoadContext) -> None:
        self.directory = directory
        self.expand = context.expand_home
        self.rules: Rules = implementing(
            "path",
            {
                "context": self.context,
                "driver_opts": self.driver_opts,
                "extends": self.extends,
                "file": self.host_path,
                "path": self.path,
                "symlink": self.path,
                "volume": self.volume,
            },
        )

    def text(self, node: Node) -> str:
        if type(node.value) is not str:
            raise NodeError(f"expected a path, found {describe(node)}", node)
        return node.value

    def path(self, node: Node, _field: Field) -> Node:
        path = self.expand(self.text(node), node)
        if not path or path.startswith("/"):
            return node.with_value(path)
        return node.with_value(join(self.directory, path))

    def host_path(self, node: Node, _field: Field) -> Node:
        """Resolve a path on the host of the engine, which may be a Windows path."""
        if type(node.value) is not str:
            return node
        path = self.expand(node.value, node)
        if path.startswith("/") or _WINDOWS.match(path):
            return node.with_value(path)
        return node.with_value(join(self.directory, path))

    def context(self, node: Node, field: Field) -> Node:
        return node if is_remote_context(self.text(node)) else self.path(node, field)

    def extends(self, node: Node, field: Field) -> Node:
        return node if is_remote(self.text(node)) else self.path(node, field)

    def volume(self, node: Node, field: Field) -> Node:
        if type(node.value) is not dict:
            return node
        kind = node.value.get("type")
        if kind is None or kind.value != "bind":
            return node
        source = node.value.get("source")
        if source is None:
            raise NodeError("a bind mount needs a `source`", node)
        self.text(source)
        return node.with_value({**node.value, "source": self.host_path(source, field)})

    def driver_opts(self, node: Node, field: Field) -> Node:
        """Resolve `device` of a volume of the driver `local` whose option `o` is exactly `bind`."""
        if node.value is None:
            return node
        driver, options = node.value.get("driver"), node.value.get("driver_opts")
        if driver is None or driver.value != "local" or options is None:
            return node
        if type(options.value) is not dict:
            found = describe(options)
            raise NodeError(f"driver_opts: expected a mapping, found {found}", options)
        kind, device = options.value.get("o"), options.value.get("device")
        if kind is None or kind.value != "bind" or device is None:
            return node
        resolved = options.with_value({**options.value, "device": self.host_path(device, field)})
        return node.with_value({**node.value, "driver_opts": resolved})
