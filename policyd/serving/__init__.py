"""The processes of the webhook: the main process, its workers, and the policy set both follow."""
