"""Models over path tables and event tables in files (`clew model`)."""
