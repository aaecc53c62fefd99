"""The edge: read an HTTP request, append an event to the log, answer.

Only `http` and `edge` touch the network; every other module is pure.
"""
