"""Store the records of the log in the warehouse, each event exactly once.

`loop` runs it: `batch` decodes and enriches records, `dedup` decides which of them are new on a log that may repeat
them (`dedup_state` and `dedup_store` hold what came before), `writer` inserts the rows, `intent` and `resume` bring it
back after a crash. `enrich`, `bots`, `robots` and `geo` add device, robot and place to touches.
"""
