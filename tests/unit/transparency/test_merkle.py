"""Trees and proofs against a definition that follows RFC 6962 word for word."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.transparency import merkle
from tests.support.cases import cases

ENTRIES = [f"entry {number}".encode() for number in range(70)]


def defined_root(entries: list[bytes]) -> bytes:
    """Return MTH(D[n]) of RFC 6962, section 2.1."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    left, right = defined_root(entries[:split]), defined_root(entries[split:])
    return hashlib.sha256(b"\1" + left + right).digest()


def tree(entries: list[bytes]) -> merkle.ReadHash:
    """Return what reads the hashes of the tree over `entries`, built leaf by leaf."""
    nodes: dict[tuple[int, int], bytes] = {}

    def read(level: int, index: int) -> bytes:
        return nodes[level, index]

    frontier = merkle.Frontier()
    for entry in entries:
        for level, index, digest in frontier.append(merkle.leaf_hash(entry)):
            nodes[level, index] = digest
    return read


READ = tree(ENTRIES)


def test_known_roots() -> None:
    assert merkle.root(0, READ).hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    assert merkle.leaf_hash(b"").hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )


@cases("size", range(len(ENTRIES) + 1))
def test_the_root_is_that_of_the_definition(size: int) -> None:
    assert merkle.root(size, READ) == defined_root(ENTRIES[:size])


@cases("size", range(len(ENTRIES) + 1))
def test_a_tree_goes_on_from_the_hashes_of_any_size(size: int) -> None:
    frontier = merkle.Frontier.of(size, READ)

    assert frontier.root() == defined_root(ENTRIES[:size])
    for entry in ENTRIES[size:]:
        frontier.append(merkle.leaf_hash(entry))
    assert frontier.root() == defined_root(ENTRIES)


@pytest.mark.thorough
@given(st.integers(1, len(ENTRIES)), st.data())
def test_an_inclusion_proof_leads_to_the_root_and_to_no_other(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, READ)
    leaf = merkle.leaf_hash(ENTRIES[index])
    root = merkle.root(size, READ)

    assert merkle.root_from_inclusion(index, size, leaf, proof) == root
    assert merkle.root_from_inclusion(index, size, merkle.leaf_hash(b"x"), proof) != root
    with pytest.raises(ValueError, match="too many"):
        merkle.root_from_inclusion(index, size, leaf, [*proof, root])
    if proof:
        with pytest.raises(ValueError, match="too few"):
            merkle.root_from_inclusion(index, size, leaf, proof[:-1])


@given(st.integers(0, len(ENTRIES)), st.data())
def test_a_consistency_proof_holds_for_these_roots_only(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    proof = merkle.consistency_proof(old, size, READ)
    before, after = merkle.root(old, READ), merkle.root(size, READ)

    assert merkle.is_consistent(old, before, size, after, proof)
    assert not merkle.is_consistent(old, bytes(32), size, after, proof)
    assert not merkle.is_consistent(old, before, size, bytes(32), proof) or old == 0
    assert not merkle.is_consistent(old, before, size, after, [*proof, bytes(32)])
    if proof:
        assert not merkle.is_consistent(old, before, size, after, proof[:-1])
        flipped = [bytes([proof[0][0] ^ 1, *proof[0][1:]]), *proof[1:]]
        assert not merkle.is_consistent(old, before, size, after, flipped)


def test_sizes_and_indexes_that_do_not_exist_are_refused() -> None:
    for index, size in ((3, 3), (-1, 3), (0, 0)):
        with pytest.raises(ValueError, match="is not below the tree size"):
            merkle.inclusion_proof(index, size, READ)
        with pytest.raises(ValueError, match="is not below the tree size"):
            merkle.root_from_inclusion(index, size, bytes(32), [])
    with pytest.raises(ValueError, match="the old size 4 is not between 0 and the tree size 3"):
        merkle.consistency_proof(4, 3, READ)
    assert not merkle.is_consistent(4, bytes(32), 3, bytes(32), [])
