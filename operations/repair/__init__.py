"""`clew repair`: restore rows where the log or a stored pass proves them."""
