"""The embedded log: one SQLite file per partition.

`file` creates and opens files; `producer` appends through one `writer` thread per partition, which commits groups
through `writer_file`; `consumer` reads; `copy` makes the copy for a backup.
"""
