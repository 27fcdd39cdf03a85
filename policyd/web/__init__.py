"""The webhook: reviews, hooks of registries, the audit log and health, over HTTP."""
