"""Operator tasks on an installation.

`audit/` checks the tables against the log, `repair/` fixes what can be proven, `backup/` takes and restores backups,
`dead_letters` lists and replays records that could not be stored; `findings` holds the results of audit and repair.
"""
