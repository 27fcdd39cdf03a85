"""The gate on a host: it decides on the requests that the Docker daemon receives."""
