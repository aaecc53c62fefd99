"""From the log into the warehouse, each event exactly once."""
