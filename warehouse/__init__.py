"""The warehouse: ClickHouse, embedded (chDB) or on servers, behind one port.

`port` defines Warehouse; `address` parses addresses; `open` returns `chdb` or `clickhouse`. `migrate` applies the
files in migrations/; `parameters`, `inserts`, `names`, `parquet` and `errors` are shared by both adapters.
"""
