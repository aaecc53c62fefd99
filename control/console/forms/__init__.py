"""Forms of the console. They read texts; the services decide what is right."""
