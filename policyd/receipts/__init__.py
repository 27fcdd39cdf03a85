"""Receipts: signed statements about decisions, which are verified without the audit log."""
