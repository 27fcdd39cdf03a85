"""The Merkle tree of a log: hashes, roots, proofs, and the verification of proofs.

In: SHA-256 hashes of complete subtrees, read through a function. Out: roots and proofs as lists of
32-byte hashes. Leaves are counted from 0. Pure: no clock, socket, environment or randomness.
Source: RFC 6962, section 2.1; the names of levels and indexes follow C2SP tlog-tiles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

HASH_SIZE: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""The root of the tree without leaves (RFC 6962, section 2.1)."""

ReadHash = Callable[[int, int], bytes]
"""Returns the hash of the complete subtree `index` of height `level`: it covers the 2^level leaves
from index * 2^level on."""

Subtree = tuple[int, int, bytes]
"""Level, index and hash of a complete subtree."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of the leaf that holds `entry`."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above `left` and `right`."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that grows, kept as the roots of its largest complete subtrees, left to right."""

    def __init__(self) -> None:
        """Begin without leaves."""
        self.size = 0
        self._roots: list[bytes] = []

    def append(self, leaf: bytes) -> list[Subtree]:
        """Add a leaf; return the subtrees that it completes as (level, index, hash), leaf first."""
        digest, index = leaf, self.size
        found = [(0, index, digest)]
        while index % 2 == 1:
            digest = node_hash(self._roots.pop(), digest)
            index //= 2
            found.append((len(found), index, digest))
        self._roots.append(digest)
        self.size += 1
        return found

    def root(self) -> bytes:
        """Return the root of the leaves so far."""
        if not self._roots:
            return EMPTY_ROOT
        digest = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            digest = node_hash(left, digest)
        return digest

    @classmethod
    def of(cls, size: int, read: ReadHash) -> Frontier:
        """Return the tree of the first `size` leaves."""
        frontier = cls()
        frontier.size = size
        frontier._roots = [read(level, index) for level, index in edge(size)]
        return frontier


def edge(size: int) -> list[tuple[int, int]]:
    """Return level and index of the largest complete subtrees of `size` leaves, left to right."""
    levels = reversed(range(size.bit_length()))
    return [(level, (size >> level) - 1) for level in levels if size >> level & 1]


def root(size: int, read: ReadHash) -> bytes:
    """Return the root of the first `size` leaves."""
    return _subtree(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: ReadHash) -> list[bytes]:
    """Return the hashes that lead from the leaf `index` to the root of `size` leaves.

    Raises ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"index {index} is not below the tree size {size}")
    proof: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(_subtree(middle, high, read))
            high = middle
        else:
            proof.append(_subtree(low, middle, read))
            low = middle
    return proof[::-1]


def consistency_proof(old: int, size: int, read: ReadHash) -> list[bytes]:
    """Return the hashes that show that the first `old` of `size` leaves are unchanged.

    Raises ValueError unless 0 <= old <= size.
    """
    if not 0 <= old <= size:
        raise ValueError(f"the old size {old} is not between 0 and the tree size {size}")
    if old in (0, size):
        return []
    proof: list[bytes] = []
    low, high, whole = 0, size, True
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_subtree(middle, high, read))
            high = middle
        else:
            proof.append(_subtree(low, middle, read))
            low, whole = middle, False
    if not whole:
        proof.append(_subtree(low, high, read))
    return proof[::-1]


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the root that `proof` leads to from `leaf`, the hash of the leaf `index`.

    Raises ValueError when the proof has another number of hashes than such a proof has.
    Source: RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ValueError(f"index {index} is not below the tree size {size}")
    node, last, digest = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ValueError("the inclusion proof has too many hashes")
        if node % 2 == 1 or node == last:
            digest = node_hash(sibling, digest)
            while node % 2 == 0 and node:
                node, last = node // 2, last // 2
        else:
            digest = node_hash(digest, sibling)
        node, last = node // 2, last // 2
    if last:
        raise ValueError("the inclusion proof has too few hashes")
    return digest


def is_consistent(
    old: int, old_root: bytes, size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Return whether `proof` shows that the tree of `size` leaves extends that of `old` leaves.

    Source: RFC 9162, section 2.1.4.2.
    """
    if not 0 <= old <= size:
        return False
    if old == size:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    hashes = list(proof)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        return False
    node, last = old - 1, size - 1
    while node % 2 == 1:
        node, last = node // 2, last // 2
    before = after = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if node % 2 == 1 or node == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while node % 2 == 0 and node:
                node, last = node // 2, last // 2
        else:
            after = node_hash(after, sibling)
        node, last = node // 2, last // 2
    return last == 0 and before == old_root and after == new_root


def _split(count: int) -> int:
    """Return the largest power of two below `count`, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def _subtree(low: int, high: int, read: ReadHash) -> bytes:
    """Return the hash of the leaves from `low` to `high`; `low` is a multiple of their span."""
    count = high - low
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return read(level, low >> level)
    middle = low + _split(count)
    return node_hash(_subtree(low, middle, read), _subtree(middle, high, read))
