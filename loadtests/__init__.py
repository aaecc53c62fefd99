"""Load on a real `clew serve`: a mixed profile by locust, and clicks at a constant rate (open loop).

`make load` runs the mixed profile, `make load ARGS="rate --rate 1000 --seconds 20"` the other one.
"""
