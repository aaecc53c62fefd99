"""`clew demo`: a sample program and real traffic."""
