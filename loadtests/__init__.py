"""Constant-rate load on a real `clew serve`: `python -m loadtests --rate 1000 --seconds 20`."""
