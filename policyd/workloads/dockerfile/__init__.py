"""What a Dockerfile sets for the container that is built from it."""
