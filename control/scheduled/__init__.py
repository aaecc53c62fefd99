"""Changes that people schedule for a later time."""
