"""Warehouse reads of attribution: SQL in, values out.

conversion_reader, join_reader, revision_reader, touch_table   one reader per kind of data
touch_reader   the candidate touches of a batch of conversions
as_of          the time that a read is as of
id_sets        sets of ids and log ranges as SQL
programs       programs that conversions were priced under
cursor         positions of a pass in the log, stored as JSON
shards         assign conversions to shards
limits         limits that readers and writers share
"""
