"""Adopt policies in a repository that violates some of them already."""
