"""One benchmark per hop, each compared with a peer or limit in the same run. `python -m benchmarks [NAME…]`.

Machines are shared and noisy: quote the ratio, and the machine with it.
"""
