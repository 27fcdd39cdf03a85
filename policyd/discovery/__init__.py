"""Find the Compose projects below a folder, and those that a change touches."""
