"""Read a request: client address, visitor, text fields."""
