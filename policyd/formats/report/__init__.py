"""The formats of the report of `policyd check`: one module for each."""
