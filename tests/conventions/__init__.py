"""Rules that the whole tree keeps, each with what to do when it is broken."""
