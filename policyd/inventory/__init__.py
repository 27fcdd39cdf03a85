"""Hosts and their GPUs."""
