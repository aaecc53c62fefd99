"""`clew sql`: check one statement, rewrite its table names, run it read-only."""
