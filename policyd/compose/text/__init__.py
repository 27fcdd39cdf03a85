"""Single texts of a Compose project: environment files, templates, command lines, sizes, paths."""
