"""One installation, found and opened.

`address` finds its log, warehouse and directory; `directory` names the files under a data directory; `keys` and
`key_check` hold the token keys; `program_file` reads the program; `migrate` prepares tables and topics; `engine`
opens everything and runs the workers; `progress` measures how far they are.
"""
