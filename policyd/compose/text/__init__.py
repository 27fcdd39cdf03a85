"""Readers of single texts: environment files, templates, command lines, sizes, paths."""
