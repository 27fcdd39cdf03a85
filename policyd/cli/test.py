"""`policyd test`: run the tests of policies on the embedded engine."""
