"""The command line, and the one-process mode that wires every station."""

__version__ = "0.1.0"
