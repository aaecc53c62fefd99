"""Changes of the program. Each function is one change: checks, transaction, audit, routes."""
