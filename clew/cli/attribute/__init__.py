"""`clew attribute`: catch up, run as a worker, or apply other models."""
