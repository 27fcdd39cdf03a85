"""Hooks: one module a source of notifications, which verifies and parses them. No sockets."""
