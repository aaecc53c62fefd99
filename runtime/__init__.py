"""Basics that every other package uses; imports no other package.

`settings` reads the environment; `metrics` and `metrics_files` count; `logs` writes log lines; `clock` is the only
reader of the time; `files`, `file_lock` and `random_bytes` wrap the system; `bounded_wait` limits waits; `user_error`
is an error with an exit code; `text_encoding` and `csv_delimiter` recognise text files.
"""
