"""Workloads: the containers of a project in the form that policies evaluate."""
