"""Container registries: fetch the Compose artifacts that are pushed there, and queue the pushes."""
