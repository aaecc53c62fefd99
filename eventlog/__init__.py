"""The log: records in order per partition, on SQLite, Kafka or in memory, behind one port.

`port` defines Producer and Consumer; `address` parses log addresses; `open` returns the adapter of an address.
`sqlite/` is the embedded log, `kafka/` the log on servers, `memory` the log of tests.
"""
