"""Transparency logs in the forms of C2SP: Merkle trees, tiles, notes, checkpoints, proofs."""
