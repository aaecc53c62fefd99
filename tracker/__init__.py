"""The edge: HTTP request in, event in the log, answer out.

Only `http` and `edge` touch the network; every other module is pure.
"""
