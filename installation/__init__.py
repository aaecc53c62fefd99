"""One installation, found and opened.

`address` finds its log, warehouse and directory; `directory` names the files under a data directory; `keys` and
`key_check` hold the token keys; `program_file` reads the program; `program_store`
keeps the published one, in a `blob_file`; `migrate` prepares tables and topics; `engine`
opens everything, `workers` ingest and attribute, `catch_up` waits for them; `progress` measures how far they are.
"""
