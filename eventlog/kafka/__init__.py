"""The log on Kafka.

Writing: `producer` is the port's adapter. It appends through `appender` (`append_batch`, `client_producer`) and
spills to `spill` (`spill_file`, `spill_backlog`) while Kafka is unavailable; `spill_drain` and `spill_adoption` send
the spilled records later. `claim_decisions` waits for decisions, which `tail` takes from the log through `key_index`.
Reading: `consumer` (a member of a group, `group_member`), `observer` (reads only), both through `reader`.
Topics: `topics` creates and checks them, `connection` and `partition_counts` know their partitions.
"""
