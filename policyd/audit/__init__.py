"""The audit log: every decision on disk before its answer, chained by hash, with its grants."""
