"""The processes of the webhook: the main process, the workers, and reloading the policy set."""
