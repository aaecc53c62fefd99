"""`clew audit`: prove from the tables that nothing is lost, duplicated or unexplained."""
