"""Which accelerators the workloads of a project get: worked out in Python, without an engine."""
