"""One benchmark per hop, each beside a peer or a limit in the same run, as a ratio. `python -m benchmarks [NAME…]`.

Machines are shared and noisy: quote the ratio, and the machine with it.
"""
