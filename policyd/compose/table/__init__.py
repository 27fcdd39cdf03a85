"""The table of fields: what Compose knows about each path of a project."""
