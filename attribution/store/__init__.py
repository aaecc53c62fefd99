"""SQL in, values out: everything that attribution reads from the warehouse."""
