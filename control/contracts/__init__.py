"""Contracts with partners: templates with versions, acceptance with evidence, and the archive of accepted texts."""
