"""`clew backup` and `clew restore`."""
