"""Example of a module: notes about partners. docs/design/modules.md explains it file by file."""
