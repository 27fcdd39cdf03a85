"""The anchors of a document, and the limits of aliases.

In: nodes by the names of their anchors. Out: the node that an alias refers to. Limits: limits.py.
"""

from __future__ import annotations

from policyd.compose.limits import MAX_DEPTH, MAX_EXPANDED_NODES, MAX_TEXT_GROWTH
from policyd.compose.nodes import Mark, Node, extent
from policyd.errors import ComposeError
from policyd.masking import in_quotes


class _Anchor:
    """What an anchor names: its node, the number of its values, the text of a scalar.

    `node` is None while the node is being read. `error` is what an alias of it reveals.
    """

    __slots__ = ("any_error", "error", "extent", "node", "size", "text")

    def __init__(self, node: Node | None, size: int, text: str) -> None:
        self.node = node
        self.size = size
        self.text = text
        self.error: ComposeError | None = None
        self.any_error: ComposeError | None = None
        self.extent: tuple[int, int] | None = None


class Anchors:
    """The anchors of one document of a file. The limit of characters holds for the whole file.

    `added` is the number of values that aliases add to the document, `hidden` are the errors in
    what is not decoded unless an alias refers to it, without those that the alias drops, too.
    """

    def __init__(self) -> None:
        self.added = 0
        self.hidden: list[ComposeError] = []
        self._all_hidden: list[ComposeError] = []
        self._known: dict[str, _Anchor] = {}
        self._characters = 0

    def start_document(self) -> None:
        """Forget the anchors: those of one document are unknown in the next."""
        self.added = 0
        self._known = {}

    def open(self, name: str) -> None:
        """Register the anchor `name`, whose node is still to be read."""
        self._known[name] = _Anchor(None, 0, "")

    def hide(self, error: ComposeError) -> None:
        """Add a hidden error."""
        self.hidden.append(error)
        self._all_hidden.append(error)

    def numbers(self) -> tuple[int, int]:
        """Return the number of hidden errors, without and with those that aliases drop."""
        return len(self.hidden), len(self._all_hidden)

    def forget(self, numbers: tuple[int, int]) -> None:
        """Remove the hidden errors that came after these `numbers`."""
        hidden, total = numbers
        del self.hidden[hidden:], self._all_hidden[total:]

    def set(
        self,
        name: str,
        node: Node,
        size: int,
        text: str = "",
        before: tuple[int, int] | None = None,
    ) -> None:
        """Let aliases of `name` refer to `node`, which has `size` values.

        `text` is the text of a scalar, as written. `before` are the `numbers` before the node, None
        if it has no errors.
        """
        self._known[name] = anchor = _Anchor(node, size, text)
        if before is not None:
            hidden, total = before
            anchor.error = next(iter(self.hidden[hidden : hidden + 1]), None)
            anchor.any_error = next(iter(self._all_hidden[total : total + 1]), None)

    def error(self, name: str, *, is_overridden: bool) -> ComposeError | None:
        """Return the error that an alias of `name` reveals, or None if it reveals no error.

        Below `!override`, tags have no effect, so that an alias drops nothing.
        """
        anchor = self._known[name]
        return anchor.any_error if is_overridden else anchor.error

    def text(self, name: str) -> str:
        """Return the text of the scalar that `name` refers to."""
        return self._known[name].text

    def node(self, name: str, mark: Mark, values: int, depth: int) -> Node:
        """Return the node that the alias of `name` at `mark`, below `depth` collections, refers to.

        `values` is the number of values of the document so far, without those that aliases add.
        Raises ComposeError for an unknown anchor, an anchor that contains itself, and limits.
        """
        anchor = self._known.get(name)
        if anchor is None:
            raise _refusal(f"unknown anchor {in_quotes(name)}", mark)
        if anchor.node is None:
            raise _refusal(f"the anchor {name!r} contains itself", mark)
        self.added += anchor.size
        if values + self.added > MAX_EXPANDED_NODES:
            raise _refusal(
                f"aliases expand the document to more than {MAX_EXPANDED_NODES} values", mark
            )
        if anchor.extent is None:
            anchor.extent = extent(anchor.node)
        characters, levels = anchor.extent
        if depth + levels > MAX_DEPTH + 1:
            raise _refusal(f"more than {MAX_DEPTH} levels of nesting", mark)
        self._characters += characters
        if self._characters > MAX_TEXT_GROWTH:
            raise _refusal(f"aliases add more than {MAX_TEXT_GROWTH} characters", mark)
        return anchor.node


def _refusal(message: str, mark: Mark) -> ComposeError:
    return ComposeError(message, Node(None, mark).location)
