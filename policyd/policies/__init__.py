"""Policy sets: packs of policies, the constraints that put them in force, and exceptions."""
