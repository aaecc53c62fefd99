"""Notes about objects, and what happened to an object in one line of time."""
