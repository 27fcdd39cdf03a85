"""The phases of loading a project, from interpolation to printing: one module for each."""
