"""Commands: parse arguments, send a request, print the answer."""
