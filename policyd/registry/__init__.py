"""Container registries: fetch and review the Compose artifacts that are pushed there."""
