"""Exports: the objects that an actor may see as a file, made by a job and kept for a week."""
