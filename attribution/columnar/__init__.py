"""Experimental: whole shards of touches as sorted columns in memory. Only benchmarks and tests use this package.

touches      columns of touches and conversions, and their validation
sort_merge   sort new touches, merge sorted runs, and find the touches of each conversion
scan         credit all conversions of a shard in one scan
prefetch     software prefetch for the scan
"""
