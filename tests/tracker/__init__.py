"""The edge, driven as an ASGI application over a log in memory."""
