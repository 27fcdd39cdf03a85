"""Attacks on a live server: `python -m tests.attacks` runs them all, one line a fault."""
