"""Partners: their fields and the states of their life."""
