"""Alembic migrations of the audit log, run when a store is opened."""
