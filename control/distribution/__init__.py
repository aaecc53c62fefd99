"""Distribution of the program: edges and engines ask for the newest version, and say which one they have."""
