"""The command line, the processes it starts, and the requests it sends."""

__version__ = "0.1.0"
