"""HTTP server: sockets, limits while a request is read, health routes."""
