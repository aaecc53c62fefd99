"""What operators do with an installation: audit, repair, back up, restore, read dead letters."""
