"""Live attribution: find new records, compute a pass, write it exactly once. Partners are paid by the result.

attributor     schedule passes: once, until caught up, or until stopped
ingest_gate    wait until ingest has stored the touches that a pass needs
pass_planner   compute the rows of a pass and its next cursor
pass_runner    plan a pass and write it shard by shard
pass_writer    write the rows of a pass exactly once, and finish interrupted passes
shard_worker   one owned shard: recovery, and the fence before each write
owned_shards   the shards that the lease assigns to this worker
lease          assign shards to workers, and record the claimed pass of each shard
lag, progress  measure how far attribution is behind the log
pass_report    counts of a pass
failures       collect errors of concurrent work
"""
