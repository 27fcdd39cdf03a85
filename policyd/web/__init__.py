"""The webhook over HTTP: reviews, notifications of registries, the audit log, health."""
