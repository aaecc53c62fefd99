"""Numbers of partners and offers: u32, never used twice, because tokens and tables carry them for years."""
