"""Send a history to a running Clew as traffic; resume after a stop."""
