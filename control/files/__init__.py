"""Files that people upload or that jobs make, kept in the database: every web process and worker reaches it."""
