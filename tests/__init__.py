"""A package of its own, so that another package's "tests" can never stand in for it."""
