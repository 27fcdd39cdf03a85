"""Find which of many globs match a text, in one pass over the text.

In: globs, each with the number of its owner. Out: the numbers of the owners with a glob that
matches a text, as the bits of an integer. The globs are merged into a trie, and the sets of its
nodes that texts reach are remembered. The time for a text is therefore proportional to its length
and does not grow with the number of globs. `matching.matches` defines what a glob matches.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from policyd.policies.matching import parts

MAX_REMEMBERED: Final = 200_000
"""Remembered steps, and nodes in states: some 20 MB. Senders choose the texts: hence a limit."""


class _Node:
    """A place in globs. `numbers` are the owners of the globs that end here, as bits.

    `repeats` is the star by which the place was reached: at "*", all characters but a slash lead
    to the place itself; at "**", all characters do.
    """

    __slots__ = ("children", "numbers", "repeats", "stars")

    def __init__(self, repeats: str = "") -> None:
        self.repeats = repeats
        self.numbers = 0
        self.children: dict[str, _Node] = {}
        self.stars: dict[str, _Node] = {}

    def child(self, part: str) -> _Node:
        """Return the place after `part`, a character or a star."""
        if part in ("*", "**"):
            return self.stars.setdefault(part, _Node(part))
        return self.children.setdefault(part, _Node())


class _State:
    """The places that a text has reached. `after` has the next state by character."""

    __slots__ = ("after", "nodes", "numbers")

    def __init__(self, nodes: frozenset[_Node]) -> None:
        self.nodes = nodes
        self.after: dict[str, _State] = {}
        self.numbers = 0
        for node in nodes:
            self.numbers |= node.numbers


class GlobIndex:
    """Globs with the numbers of their owners. Threads may share it."""

    def __init__(self, globs: Iterable[tuple[str, int]]) -> None:
        """`globs` has pairs of a glob and the number of its owner, from 0."""
        self._exact: dict[str, int] = {}
        self._root = _Node()
        for glob, number in globs:
            if "*" in glob:
                self._add(glob, number)
            else:
                self._exact[glob] = self._exact.get(glob, 0) | 1 << number
        self._forget()

    def matching(self, text: str) -> int:
        """Return the owners with a glob that matches the whole of `text`: number n is bit n."""
        found = self._exact.get(text, 0)
        state = self._start
        for character in text:
            state = state.after.get(character) or self._step(state, character)
            if not state.nodes:
                return found
        return found | state.numbers

    def _add(self, glob: str, number: int) -> None:
        node = self._root
        for part in parts(glob):
            node = node.child(part)
        node.numbers |= 1 << number

    def _forget(self) -> None:
        self._states: dict[frozenset[_Node], _State] = {}
        self._start = _State(frozenset(_with_stars(self._root)))
        self._remembered = 0

    def _step(self, state: _State, character: str) -> _State:
        if self._remembered >= MAX_REMEMBERED:
            self._forget()
        reached: set[_Node] = set()
        for node in state.nodes:
            if node.repeats == "**" or (node.repeats and character != "/"):
                reached.add(node)
            if character in node.children:
                reached.update(_with_stars(node.children[character]))
        nodes = frozenset(reached)
        self._remembered += 1 + len(nodes)
        after = self._states.setdefault(nodes, _State(nodes))
        state.after[character] = after
        return after


def _with_stars(node: _Node) -> Iterable[_Node]:
    """Return `node` and the places after stars that begin there: a star may match nothing."""
    return (node, *node.stars.values())
