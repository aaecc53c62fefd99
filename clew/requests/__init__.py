"""Requests to an engine, over HTTP or in this process."""
