"""One installation: its addresses, data directory, keys, program file and opened engine."""
