"""Decide which partner earned what: credits under attribution models, commissions and ledger.

kernels    compiled loops over arrays: which touches count, weights, exact splits of amounts
core       pure decisions for a batch of conversions, built on the kernels
store      warehouse reads, programs, cursors and shards
live       passes: follow the log, credit conversions, write exactly once. Partners are paid by the result
runs       apply other models to stored conversions; runs never pay
paths      `clew model`: read a file of paths or events and evaluate models on it
columnar   experimental: whole shards as sorted columns; used by benchmarks and tests only
"""
