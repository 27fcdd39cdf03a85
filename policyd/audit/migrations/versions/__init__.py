"""One module a migration; never edited after a release."""
